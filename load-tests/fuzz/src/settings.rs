//! What operators write: variables and command lines.

use crate::bytes::Bytes;
use stampede_server::{
    config::Config,
    fuzz::{command_line as read_command_line, mistake, variables},
};
use std::time::Duration;

/// Variables whose value nobody may see.
const SECRETS: [&str; 5] =
    ["STAMPEDE_SECRET", "STAMPEDE_TICKET_KEY", "DATABASE_URL", "STAMPEDE_READ_DATABASE_URL", "REDIS_URL"];
/// Longer than anything is waited for.
const LONGEST: Duration = Duration::from_hours(24 * 366);

thread_local! {
    static VARIABLES: Vec<String> = variables();
}

/// A variable: refused in one line, which shows no secret; accepted, it is shown nowhere when it is one, and means something.
pub fn setting(data: &[u8]) {
    let mut bytes = Bytes(data);
    let variable = VARIABLES.with(|variables| variables[usize::from(bytes.byte()) % variables.len()].clone());
    let value = String::from_utf8_lossy(bytes.0).into_owned();
    let is_secret = SECRETS.contains(&variable.as_str());
    if let Some(why) = mistake(&variable, &value) {
        assert!(!why.contains('\n') && why.starts_with(&variable), "{why}");
        // What is no letter is written out, which takes up to eight.
        assert!(why.len() <= 8 * value.len() + 500, "{} bytes", why.len());
        assert!(!is_secret || mistake(&variable, "short").as_ref() == Some(&why), "{variable} is told: {why}");
        return;
    }
    let Some(flag) = flag(&variable) else { return };
    let Ok(config) = Config::of([format!("{flag}={value}").as_str()]) else {
        panic!("{variable} is taken alone, and not among the others");
    };
    let (hidden, contradictions) = (format!("{:?}", config.hidden()), config.contradictions().join("\n"));
    if is_secret && value.len() >= 16 {
        let told = format!("{value:?}");
        assert!(!hidden.contains(&told) && !contradictions.contains(&value), "{variable} is told");
    }
    drop((config.actors(), config.door.rules(), config.servers.endpoint()));
    let servers = &config.servers;
    let waits = [config.shutdown_limit, config.demo_opens_in, servers.pubsub_publish_deadline];
    let waits = waits.into_iter().chain([
        servers.database_statement_timeout,
        servers.database_lock_timeout,
        servers.database_idle_timeout,
    ]);
    assert!(waits.max() <= Some(LONGEST), "{variable} waits for ever");
    for url in [&config.public_url, &config.otlp_endpoint, &servers.pubsub_endpoint].into_iter().flatten() {
        // It is written into headers, links and requests.
        assert!(url.bytes().all(|byte| byte.is_ascii_graphic()) && !url.ends_with('/'), "{url:?}");
    }
}

fn flag(variable: &str) -> Option<String> {
    let plain = variable.strip_prefix("STAMPEDE_").unwrap_or(variable);
    Some(format!("--{}", plain.to_lowercase().replace('_', "-")))
}

/// A command line: understood, or refused in bounded words.
pub fn command_line(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let words: Vec<_> = text.split('\n').take(32).map(str::to_owned).collect();
    if let Err(why) = read_command_line(&words) {
        // The help is among them.
        assert!(why.len() <= 3 * text.len() + 64 * 1024, "{} bytes", why.len());
    }
}
