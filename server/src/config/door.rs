//! The settings of the door: who may come in, how often, and who stands in between.

use clap::Args;
use stampede_actors::{doorkeeper::DoorSettings, ports::Quota};
use stampede_http::{
    DoorRules,
    door::{Networks, Origins, Proxies, ProxyHeader},
};

/// The header that proxies write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum TrustedHeader {
    /// `X-Forwarded-For`.
    #[default]
    XForwardedFor,
    /// `Forwarded`.
    Forwarded,
}

/// Who may come in, and how often. The defaults let a campus of 5,000 people behind one address buy.
#[derive(Args, Clone, Debug)]
pub struct Door {
    /// Proxies between shoppers and this process, one after the other. Only then is their header believed, from the right.
    #[arg(long, env = "STAMPEDE_TRUSTED_PROXY_HOPS", default_value = "0", value_name = "0..16", value_parser = clap::value_parser!(u8).range(0..=16))]
    pub trusted_proxy_hops: u8,
    /// Networks those proxies are in; empty: whoever connects is one, so nobody else may be able to.
    #[arg(long, env = "STAMPEDE_TRUSTED_PROXIES", default_value = "", value_name = "NETWORKS")]
    pub trusted_proxies: Networks,
    /// The header they write, or its name alone would be a way in: the other one is passed on as a client wrote it.
    #[arg(
        long,
        env = "STAMPEDE_TRUSTED_PROXY_HEADER",
        default_value = "x-forwarded-for",
        value_name = "x-forwarded-for|forwarded",
        value_enum
    )]
    pub trusted_proxy_header: TrustedHeader,
    /// Take requests only from shoppers who came by TLS, as the nearest proxy says; who looks is redirected.
    #[arg(long, env = "STAMPEDE_REQUIRE_HTTPS", default_value = "off", value_name = "on|off", value_parser = super::switch, action = clap::ArgAction::Set)]
    pub require_https: bool,
    /// Sites whose scripts may use the API, as exact origins, e.g. <https://example.org>; empty: none.
    #[arg(long, env = "STAMPEDE_CORS_ORIGINS", default_value = "", value_name = "ORIGINS")]
    pub cors_origins: Origins,
    /// When not empty, requests are taken only from these networks. The operators' port is not concerned.
    #[arg(long, env = "STAMPEDE_ALLOW_NETWORKS", default_value = "", value_name = "NETWORKS")]
    pub allow_networks: Networks,
    /// Requests are never taken from these networks, allowed or not.
    #[arg(long, env = "STAMPEDE_DENY_NETWORKS", default_value = "", value_name = "NETWORKS")]
    pub deny_networks: Networks,
    /// Networks whose requests are not counted by address.
    #[arg(long, env = "STAMPEDE_LIMIT_EXEMPT", default_value = "127.0.0.0/8,::1/128", value_name = "NETWORKS")]
    pub limit_exempt: Networks,
    /// Requests that read, from one address (one /64 of IPv6) in a second; 0: as many as they like.
    #[arg(long, env = "STAMPEDE_LIMIT_READS_PER_SECOND", default_value = "5000", value_name = "0..1000000", value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    pub limit_reads_per_second: u32,
    /// How many of those at once, when there were few before.
    #[arg(long, env = "STAMPEDE_LIMIT_READS_BURST", default_value = "50000", value_name = "1..100000000", value_parser = clap::value_parser!(u32).range(1..=100_000_000))]
    pub limit_reads_burst: u32,
    /// Requests that may take an order, from one address (one /64 of IPv6) in a second; 0: as many as they like.
    #[arg(long, env = "STAMPEDE_LIMIT_ORDERS_PER_SECOND", default_value = "1000", value_name = "0..1000000", value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    pub limit_orders_per_second: u32,
    /// How many of those at once, when there were few before.
    #[arg(long, env = "STAMPEDE_LIMIT_ORDERS_BURST", default_value = "10000", value_name = "1..100000000", value_parser = clap::value_parser!(u32).range(1..=100_000_000))]
    pub limit_orders_burst: u32,
    /// Requests of all addresses together in a second, over all processes; 0: as many as the shop can serve.
    #[arg(long, env = "STAMPEDE_LIMIT_EVERYONE_PER_SECOND", default_value = "0", value_name = "0..100000000", value_parser = clap::value_parser!(u32).range(0..=100_000_000))]
    pub limit_everyone_per_second: u32,
    /// Orders one buyer may ask for in a second, over all processes; 0: as many as they like.
    #[arg(long, env = "STAMPEDE_BUYER_ATTEMPTS_PER_SECOND", default_value = "5", value_name = "0..1000000", value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    pub buyer_attempts_per_second: u32,
}

impl Door {
    /// What is counted, and how much is allowed.
    #[must_use]
    pub fn settings(&self) -> DoorSettings {
        let second = |per_second| Quota { burst: per_second, per_second };
        DoorSettings {
            reads: Quota { burst: self.limit_reads_burst, per_second: self.limit_reads_per_second },
            orders: Quota { burst: self.limit_orders_burst, per_second: self.limit_orders_per_second },
            buyer: second(self.buyer_attempts_per_second),
            everyone: second(self.limit_everyone_per_second),
        }
    }

    /// Who may come in.
    #[must_use]
    pub fn rules(&self) -> DoorRules {
        let settings = self.settings();
        DoorRules {
            proxies: Proxies {
                hops: self.trusted_proxy_hops.into(),
                networks: self.trusted_proxies.clone(),
                header: match self.trusted_proxy_header {
                    TrustedHeader::XForwardedFor => ProxyHeader::XForwardedFor,
                    TrustedHeader::Forwarded => ProxyHeader::Forwarded,
                },
            },
            allow: self.allow_networks.clone(),
            deny: self.deny_networks.clone(),
            exempt: self.limit_exempt.clone(),
            requires_https: self.require_https,
            origins: self.cors_origins.clone(),
            limits_addresses: [settings.reads, settings.orders, settings.everyone].iter().any(|quota| quota.limits()),
            limits_buyers: settings.buyer.limits(),
        }
    }

    /// What one setting alone cannot show to be wrong.
    pub(super) fn contradictions(&self) -> Vec<String> {
        let mut found = Vec::new();
        if self.require_https && self.trusted_proxy_hops == 0 {
            found.push(
                "STAMPEDE_REQUIRE_HTTPS is on, but STAMPEDE_TRUSTED_PROXY_HOPS is 0: this process speaks no TLS itself, so nobody could come in. Say how many proxies stand before it.".into(),
            );
        }
        if self.trusted_proxy_hops == 0 && !self.trusted_proxies.is_empty() {
            found.push(
                "STAMPEDE_TRUSTED_PROXIES is set, but STAMPEDE_TRUSTED_PROXY_HOPS is 0: none of them would be believed. Say how many stand one after the other.".into(),
            );
        }
        found
    }
}
