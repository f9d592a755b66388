//! A new migration file must rebuild the crate that embeds it; the compiler does not watch directories by itself.

#![expect(clippy::print_stdout, reason = "this is how a build script speaks to cargo")]

fn main() {
    println!("cargo::rerun-if-changed=../migrations/sqlite");
}
