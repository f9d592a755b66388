//! Every target with the corpus that is kept and with mutations of it from a fixed seed: what libFuzzer has found once stays
//! found, and a change that breaks a parser is noticed without it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(clippy::print_stdout, reason = "whoever sees it fail wants the seed and the input")]

use rand::{Rng, SeedableRng, rngs::SmallRng};
use stampede_fuzz::{TARGETS, Target};
use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
};

/// All seeds together, so that a checkout stays small.
const LARGEST_CORPUS: u64 = 200 * 1024;
/// Longest input, as libFuzzer is told.
const LONGEST: usize = 4096;
/// What parsers look for.
const WORDS: &[&str] = &[
    "\0",
    "\"",
    "\\u0000",
    "[[",
    "{",
    "}}",
    ",",
    ";",
    "=",
    "%00",
    "%ff",
    "+",
    "-1",
    "0",
    "1e999",
    "18446744073709551616",
    "9223372036854775808",
    "NaN",
    "null",
    "true",
    "::1",
    "127.0.0.1",
    "/0",
    "unknown",
    "https",
    "q=0",
    "KEY",
    "\u{202e}",
    "\u{fffd}",
    "<zz a=1>",
    "'zz='",
    "\"zz=\"",
    "..",
    "//",
    "\n",
    "\r\n",
    "\u{0130}",
    "é",
    "user",
    "name",
    "quantity",
    "attempt",
    "v1=",
    "t=",
];

fn here(of: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(of)
}

fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let files =
        fs::read_dir(here("corpus").join(target)).unwrap_or_else(|error| panic!("{target} has no corpus: {error}"));
    let read = |path: PathBuf| (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read(&path).unwrap());
    let mut seeds: Vec<_> = files.map(|file| read(file.unwrap().path())).collect();
    seeds.sort();
    seeds
}

/// The same input near another one: one small change, which often leaves it acceptable, or a few of any size.
fn mutated(chance: &mut SmallRng, seed: &[u8], other: &[u8]) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    let (changes, reach) = if chance.random() { (1, 4) } else { (chance.random_range(1..=4), LONGEST) };
    for _ in 0..changes {
        let at = chance.random_range(0..=bytes.len());
        let end = chance.random_range(at..=bytes.len().min(at + reach));
        match chance.random_range(0..8) {
            0 if at < bytes.len() => bytes[at] ^= 1 << chance.random_range(0..8),
            1 if at < bytes.len() => bytes[at] = chance.random(),
            2 => drop(bytes.drain(at..end)),
            3 => bytes.truncate(at.max(bytes.len().saturating_sub(reach))),
            4 => drop(bytes.splice(at..end.min(at + 8), WORDS[chance.random_range(0..WORDS.len())].bytes())),
            5 => drop(bytes.splice(at..at, WORDS[chance.random_range(0..WORDS.len())].bytes())),
            6 => {
                let part = bytes[at..end].to_vec();
                drop(bytes.splice(at..at, part));
            }
            _ => {
                let from = chance.random_range(0..=other.len());
                drop(bytes.splice(at..end, other[from..].iter().copied().take(reach)));
            }
        }
        bytes.truncate(LONGEST);
    }
    bytes
}

fn holds(name: &str, target: Target, what: &str, input: &[u8]) {
    if let Err(why) = catch_unwind(AssertUnwindSafe(|| target(input))) {
        let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.broken"));
        fs::write(&kept, input).unwrap();
        println!("{name} does not hold for {what}: {}", input.escape_ascii());
        println!("the input is in {}; with a name of its own in corpus/{name}/ it is tried every time", kept.display());
        std::panic::resume_unwind(why);
    }
}

fn replay(name: &str, mutations: usize) {
    let (_, target) = TARGETS.iter().find(|(known, _)| *known == name).unwrap();
    let seeds = corpus(name);
    assert!(seeds.len() >= 2, "{name} has no seeds");
    for (seed, bytes) in &seeds {
        holds(name, *target, &format!("corpus/{name}/{seed}"), bytes);
    }
    let seed = name.bytes().fold(20_271, |seed: u64, byte| seed * 31 % 1_000_003 + u64::from(byte));
    println!("{name}: {} seeds, {mutations} mutations from seed {seed}", seeds.len());
    let mut chance = SmallRng::seed_from_u64(seed);
    for number in 0..mutations {
        let [one, other] = [0, 1].map(|_| chance.random_range(0..seeds.len()));
        let input = mutated(&mut chance, &seeds[one].1, &seeds[other].1);
        holds(name, *target, &format!("mutation {number} from seed {seed}"), &input);
    }
    if let Some((_, least)) = AT_THE_SHOP.iter().find(|(known, _)| *known == name) {
        was_sold_lawfully(name, seeds.len() + mutations, *least);
    }
}

/// Of this very thread's shop: properties of what is accepted say nothing when nothing is.
fn was_sold_lawfully(name: &str, inputs: usize, least: usize) {
    let told = stampede_fuzz::answered();
    println!("{name}: {inputs} inputs, {told:?}");
    let accepted = usize::try_from(told.accepted).unwrap();
    assert!(accepted >= inputs * least / 100, "of {inputs} inputs only {accepted} were orders that were accepted");
    assert!(told.unavailable * 2 < told.requests, "mostly unavailable: {told:?}");
    stampede_fuzz::laws_hold();
}

/// Targets that stand before a shop, and of a hundred inputs the fewest that are orders which it accepts.
const AT_THE_SHOP: &[(&str, usize)] =
    &[("request", 1), ("buy_json", 10), ("buy_form", 10), ("order_page", 0), ("pay_json", 0), ("pay_form", 0)];

/// A test a target, and a list of them.
macro_rules! replays {
    ($($target:ident: $mutations:expr,)*) => {
        mod nothing_kept_nor_near_it_breaks {
            $(#[test] fn $target() { super::replay(stringify!($target), $mutations); })*
        }
        const REPLAYED: &[&str] = &[$(stringify!($target)),*];
    };
}

replays! {
    bus_message: 4000,
    label: 400,
    sums: 2000,
    write_ahead_log: 300,
    queue_rows: 300,
    shop_rows: 300,
    redis_answer: 4000,
    event_file: 600,
    setting: 500,
    command_line: 150,
    networks: 4000,
    origins: 4000,
    visitor: 2000,
    languages: 2000,
    seals: 500,
    ticket: 500,
    order_key: 4000,
    slug: 4000,
    health_answer: 4000,
    request: 1500,
    buy_json: 500,
    buy_form: 300,
    order_page: 300,
    notice: 2000,
    hold_rows: 300,
    pay_json: 300,
    pay_form: 300,
}

#[test]
fn every_target_is_replayed_listed_and_built() {
    let (table, manifest) = (fs::read_to_string(here("README.md")).unwrap(), here("libfuzzer/Cargo.toml"));
    let manifest = fs::read_to_string(manifest).unwrap();
    for (name, _) in TARGETS {
        assert!(REPLAYED.contains(name), "{name} is not replayed");
        assert!(table.contains(&format!("| `{name}` |")), "{name} has no row in README.md");
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name} is no program");
        let program = fs::read_to_string(here(&format!("libfuzzer/bin/{name}.rs"))).unwrap();
        assert!(program.contains(&format!("stampede_fuzz::{name}(")), "{name}'s program runs something else");
    }
    assert_eq!(REPLAYED.len(), TARGETS.len());
}

#[test]
fn the_corpus_is_small() {
    let sizes = TARGETS.iter().flat_map(|(name, _)| corpus(name)).map(|(_, bytes)| bytes.len() as u64);
    assert!(sizes.sum::<u64>() <= LARGEST_CORPUS);
}

#[test]
fn a_property_that_does_not_hold_is_noticed() {
    let broken =
        catch_unwind(|| holds("label", |bytes| assert!(bytes.len() < 3, "three are too many"), "four", b"four"));
    assert!(broken.is_err());
}

#[test]
fn a_shop_that_sold_nothing_proves_no_law() {
    // A thread of its own has a shop of its own.
    assert!(std::thread::spawn(stampede_fuzz::laws_hold).join().is_err());
}
