//! The table of addresses. Every route is entered here, and nowhere else, so that the table that tests walk is the one that
//! serves.

use crate::error::Problem;
use actix_web::{
    App, HttpResponse, Route,
    http::Method,
    web::{self, ServiceConfig},
};

/// Who an address is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visitors {
    /// JSON.
    Programs,
    /// HTML and its files.
    People,
    /// On the operators' port.
    Operators,
}

/// An address that the shop answers.
#[derive(Clone, Copy, Debug)]
pub struct Address {
    /// As it was entered, with its parameters.
    pub path: &'static str,
    /// The methods it answers, as `Allow` says them.
    pub allow: &'static str,
    /// Whom it is for.
    pub visitors: Visitors,
}

/// The table, being filled.
pub struct Table<'a> {
    config: &'a mut ServiceConfig,
    visitors: Visitors,
    addresses: Vec<Address>,
}

impl<'a> Table<'a> {
    /// An empty table, whose routes go to `config`.
    pub(crate) fn of(visitors: Visitors, config: &'a mut ServiceConfig) -> Self {
        Self { config, visitors, addresses: Vec::new() }
    }

    /// An address that answers GET and HEAD.
    pub(crate) fn reads(&mut self, path: &'static str, handler: impl Fn() -> Route) -> &mut Self {
        let routes = [handler().method(Method::GET), handler().method(Method::HEAD)];
        self.enter(path, "GET, HEAD", routes)
    }

    /// An address that answers POST.
    pub(crate) fn writes(&mut self, path: &'static str, handler: Route) -> &mut Self {
        self.enter(path, "POST", [handler.method(Method::POST)])
    }

    /// An address that takes a form, and sends who only looks somewhere else.
    pub(crate) fn form(&mut self, path: &'static str, handler: Route, looks: impl Fn() -> Route) -> &mut Self {
        let routes = [handler.method(Method::POST), looks().method(Method::GET), looks().method(Method::HEAD)];
        self.enter(path, "GET, HEAD, POST", routes)
    }

    fn enter(&mut self, path: &'static str, allow: &'static str, routes: impl IntoIterator<Item = Route>) -> &mut Self {
        let resource = routes.into_iter().fold(web::resource(path), actix_web::Resource::route);
        self.config.service(resource.default_service(web::to(move || refuse_method(allow))));
        self.addresses.push(Address { path, allow, visitors: self.visitors });
        self
    }
}

/// 405 with the methods that would work.
async fn refuse_method(allow: &'static str) -> Result<HttpResponse, Problem> {
    Err(Problem::method_not_allowed(allow))
}

/// Enters all public addresses.
pub(crate) fn public(config: &mut ServiceConfig) -> Vec<Address> {
    let mut table = Table::of(Visitors::Programs, config);
    crate::api::routes(&mut table);
    table.visitors = Visitors::People;
    crate::pages::routes(&mut table);
    table.addresses
}

/// Enters the operators' addresses.
pub(crate) fn operators(config: &mut ServiceConfig) -> Vec<Address> {
    let mut table = Table::of(Visitors::Operators, config);
    crate::ops::enter(&mut table);
    table.addresses
}

/// Every address of both ports, as they are served.
#[must_use]
pub fn addresses() -> Vec<Address> {
    let mut all = Vec::new();
    // An App that is never started: only one of them hands out what routes are entered into.
    drop(App::new().configure(|config| all.extend(public(config))));
    drop(App::new().configure(|config| all.extend(operators(config))));
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, path::Path};

    fn sources(of: &Path, found: &mut Vec<(String, String)>) {
        for entry in fs::read_dir(of).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, found);
            } else {
                found.push((path.display().to_string(), fs::read_to_string(&path).unwrap()));
            }
        }
    }

    #[test]
    fn no_route_is_entered_past_the_table() {
        let mut found = Vec::new();
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
        assert!(found.len() > 20, "these are not all files");
        for (file, text) in found.iter().filter(|(file, _)| !file.ends_with("routes.rs")) {
            for way in [".service(", ".route(", "web::resource(", "web::scope(", "#[get(", "#[post("] {
                assert!(!text.contains(way), "{file} enters a route by `{way}…)`: enter it into the table");
            }
        }
    }

    #[test]
    fn the_table_has_what_is_served() {
        let all = addresses();
        for path in ["/api/tickets/buy", "/{lang:de|en}/events/{slug}/orders", "/metrics"] {
            assert!(all.iter().any(|address| address.path == path), "{path}");
        }
        let mut paths: Vec<_> = all.iter().map(|one| (one.visitors == Visitors::Operators, one.path)).collect();
        paths.sort_unstable();
        let entered = paths.len();
        paths.dedup();
        assert_eq!(paths.len(), entered, "an address is entered once");
    }
}
