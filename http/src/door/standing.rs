//! How somebody stands with a limit, told in headers (draft-ietf-httpapi-ratelimit-headers-10).

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use stampede_actors::doorkeeper::Standing;

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// `RateLimit-Policy: "orders";q=10000;w=10`: so many, all back after so many seconds.
/// `RateLimit: "orders";r=9997;t=1`: so many left, all back then.
pub(crate) fn show(standing: &Standing, headers: &mut HeaderMap) {
    let Standing { limit, quota, remaining } = standing;
    let (name, burst) = (limit.name(), quota.burst.max(1));
    let seconds = |units| quota.time_of(units).as_secs_f64().ceil().max(1.0);
    let (whole, rest) = (seconds(burst), seconds(burst - burst.min(*remaining)));
    let policy = format!("\"{name}\";q={burst};w={whole}");
    let state = format!("\"{name}\";r={remaining};t={rest}");
    for (name, value) in [(POLICY, policy), (LIMIT, state)] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stampede_actors::ports::{Limit, Quota};

    #[test]
    fn a_standing_is_told_as_structured_fields() {
        let quota = Quota { burst: 10_000, per_second: 1_000 };
        for (remaining, state) in
            [(9_997, "\"orders\";r=9997;t=1"), (5_000, "\"orders\";r=5000;t=5"), (0, "\"orders\";r=0;t=10")]
        {
            let mut headers = HeaderMap::new();
            show(&Standing { limit: Limit::Orders, quota, remaining }, &mut headers);
            assert_eq!(headers.get(POLICY).unwrap(), "\"orders\";q=10000;w=10");
            assert_eq!(headers.get(LIMIT).unwrap(), state);
        }
    }
}
