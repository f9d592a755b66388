//! A TCP proxy for tests, between a shop and what it stands on: it delays, starves, cuts and swallows on command.
