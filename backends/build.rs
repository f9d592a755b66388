//! A new migration file must rebuild the crate that embeds it; the compiler does not watch directories by itself.

fn main() {
    println!("cargo::rerun-if-changed=../migrations/sqlite");
    println!("cargo::rerun-if-changed=../migrations/postgres");
}
