//! `stampede ticket verify` and `stampede ticket key`: they need a key and nothing else, no shop, no store, no net.

use super::say;
use crate::{config::Config, home};
use anyhow::ensure;
use clap::Args;
use stampede_domain::{EventSlug, PoolId, TicketTypeSlug};
use stampede_http::ticket::{LENGTH, PublicKey, Ticket};
use std::{
    io::{self, BufRead, Read},
    process::ExitCode,
};

/// Longest line that is read: a code and whatever a scanner may add to it by mistake, and not a whole disk.
const LONGEST_LINE: usize = 4 * LENGTH;

/// Which codes, by which keys.
#[derive(Args, Debug)]
pub(crate) struct Verify {
    /// The codes; `-`: one a line from the standard input.
    #[arg(required = true, value_name = "CODE")]
    codes: Vec<String>,
    /// A public key, as `stampede ticket key` prints it; several when the shop has changed its key. This shop's own when absent.
    #[arg(long = "key", value_name = "PUBLICKEY")]
    keys: Vec<PublicKey>,
    /// Only tickets of this ticket type, e.g. frequency-festival/general-admission; of every one when absent.
    #[arg(long = "for", value_name = "EVENT/TICKET-TYPE", value_parser = pool)]
    pools: Vec<PoolId>,
}

/// Says what each code is.
///
/// # Errors
/// When there is no key, or the standard input cannot be read.
pub(crate) fn verify(config: &Config, which: &Verify) -> anyhow::Result<ExitCode> {
    let keys = if which.keys.is_empty() { vec![home::ticket_key(config)?.public()] } else { which.keys.clone() };
    let (mut all_valid, mut judged) = (true, 0_u64);
    for code in &which.codes {
        if code != "-" {
            all_valid &= judge(code, &keys, &which.pools);
            judged += 1;
            continue;
        }
        let mut input = io::stdin().lock();
        while let Some(line) = line(&mut input)? {
            all_valid &= judge(&line, &keys, &which.pools);
            judged += 1;
        }
    }
    ensure!(judged > 0, "no code came");
    Ok(if all_valid { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Prints the public key.
///
/// # Errors
/// When this shop has none.
pub(crate) fn key(config: &Config) -> anyhow::Result<ExitCode> {
    say(home::ticket_key(config)?.public());
    Ok(ExitCode::SUCCESS)
}

fn judge(code: &str, keys: &[PublicKey], pools: &[PoolId]) -> bool {
    match Ticket::verify(code, keys) {
        Ok((Ticket { order, pool, number, of }, key)) => {
            let fits = pools.is_empty() || pools.contains(&pool);
            let verdict = if fits { "valid" } else { "NOT VALID here, for another ticket type" };
            say(format_args!("{verdict}: ticket {number} of {of}, order {order}, {pool}, key {key}"));
            fits
        }
        Err(why) => {
            say(format_args!("NOT VALID: {why}"));
            false
        }
    }
}

/// The next line without its end; one that is too long is cut, and no code either way.
fn line(input: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    if input.by_ref().take(LONGEST_LINE as u64).read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
    } else if line.len() == LONGEST_LINE {
        input.skip_until(b'\n')?;
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Ok(Some(String::from_utf8_lossy(&line).into_owned()))
}

fn pool(text: &str) -> Result<PoolId, String> {
    let (event, ticket_type) = text.split_once('/').ok_or("write it as EVENT/TICKET-TYPE")?;
    let event: EventSlug = event.parse().map_err(|wrong: stampede_domain::id::NotASlug| wrong.to_string())?;
    let ticket_type: TicketTypeSlug =
        ticket_type.parse().map_err(|wrong: stampede_domain::id::NotASlug| wrong.to_string())?;
    Ok(PoolId::of(&event, &ticket_type))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(mut input: &[u8]) -> Vec<String> {
        std::iter::from_fn(|| line(&mut input).unwrap()).collect()
    }

    #[test]
    fn a_scanner_may_end_its_lines_in_either_way_and_say_anything() {
        assert_eq!(lines(b"a\nb\r\n\nc"), ["a", "b", "", "c"]);
        assert_eq!(lines(b""), [""; 0]);
        assert_eq!(lines(b"\xff\n"), ["\u{fffd}"]);
        let long = [[b'A'; 3 * LONGEST_LINE].as_slice(), b"\nnext"].concat();
        assert_eq!(lines(&long), ["A".repeat(LONGEST_LINE).as_str(), "next"]);
    }

    #[test]
    fn a_ticket_type_is_named_by_its_event() {
        assert_eq!(pool("frequency-festival/general-admission"), Ok(PoolId(4_187_425_574_719_097_706)));
        for wrong in ["", "festival", "a/b/c", "a/", "/b", "A/b"] {
            assert!(pool(wrong).is_err(), "{wrong}");
        }
    }
}
