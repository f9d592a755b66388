# Everything one does here. `make` alone lists it.

CARGO_DENY_VERSION := 0.20.2
CARGO_MACHETE_VERSION := 0.9.2
CARGO_CYCLONEDX_VERSION := 0.5.9
CARGO_MUTANTS_VERSION := 27.1.0
CARGO_FUZZ_VERSION := 0.13.2

.DEFAULT_GOAL := help
.PHONY: help run check test proof browser api fuzz generated bench tuning bench-curve bench-distributed hooks distributed servers sbom advisories mutants smoke load spike

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## the shop on http://127.0.0.1:8080
	cargo run --release

check: ## what needs no run: format, lints, documentation, licences and walls, unused dependencies, container files, dashboards
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --features stampede/proof -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --workspace
	@ops/tool cargo-deny $(CARGO_DENY_VERSION)
	@# A wrapper that is named before its driver is used is a wall ahead of the house, no mistake.
	.tools/bin/cargo-deny check --allow unused-wrapper bans licenses sources
	@ops/tool cargo-machete $(CARGO_MACHETE_VERSION)
	.tools/bin/cargo-machete
	@unformatted=$$(gofmt -l ops/pubsub-server); test -z "$$unformatted" || { echo "not as gofmt writes it: $$unformatted"; exit 1; }
	GOTOOLCHAIN=auto go -C ops/pubsub-server vet ./...
	@ops/check-container
	@ops/check-dashboards

test: ## everything that runs: cargo's tests, the Pub/Sub server's, the browser (both on one machine and on servers), the API fuzzing, a small load test
	@ops/setup
	@ops/test cargo sabotage distributed go browser browser_distributed api smoke

proof: ## all that was promised is put to the test, in full size; 45 minutes (ONLY="storm durability": some of it); writes PROOF.md
	@ops/setup
	ops/proof $(ONLY)

mutants: ## small faults in the rules and the actors' logic, one after the other: does a test notice? Hours (FILES=domain/src/decide.rs, SHARD=0/16: some)
	@ops/tool cargo-mutants $(CARGO_MUTANTS_VERSION)
	SHARD=$(SHARD) ops/mutants $(FILES)

browser: ## only the pages in a real browser (builds the binary, keeps screenshots in artifacts/)
	@ops/setup
	cargo test --workspace --no-run
	@ops/test browser

api: ## only the API fuzzing (builds the binary; EXAMPLES=2200: 10,000 requests, some minutes)
	@ops/setup
	cargo test --workspace --no-run
	@STAMPEDE_API_EXAMPLES="$(EXAMPLES)" ops/test api

smoke: ## only the small load test with k6 and its verdict, half a minute (builds the binary)
	@ops/setup
	cargo test --workspace --no-run
	@ops/test smoke

load: ## a load test against a running shop: SHAPE=steady, BASE_URL, OPS_URL, RATE_SCALE, TIME_SCALE (load-tests/README.md)
	@ops/load $(or $(SHAPE),steady)

spike: ## the sale of the seed, scaled to this machine, embedded and on servers, where nodes are added; wants the machine for itself
	@ops/setup
	cargo build --release
	@ops/spike $(or $(ONLY),embedded distributed)

fuzz: ## every parser that faces the net or the disk, with libFuzzer; a quarter of an hour (FOR=600: seconds a target, ONLY="label sums": some of it)
	@ops/tool cargo-fuzz $(CARGO_FUZZ_VERSION)
	@load-tests/fuzz/run $(or $(FOR),60) $(ONLY)

servers: ## a shell beside Postgres, Redis and both Pub/Sub test servers; they end with it
	@ops/setup
	@ops/servers/with $${SHELL:-bash}

distributed: ## two web nodes and two writers on Postgres, Redis and Pub/Sub behind nginx, until ctrl-C
	@ops/setup
	cargo build --release
	@ops/distributed

generated: ## the reference of settings and .env.example, from server/src/config/
	cargo run --quiet -- config --reference > ops/CONFIGURATION.md
	cargo run --quiet -- config --env-example > .env.example

bench: ## the performance goals; half an hour, and wants the machine for itself (ONLY=P1,P9: some of it)
	@ops/setup
	@load-tests/peers/install
	cargo build --release --package stampede --package stampede-bench
	ops/servers/with npm test --silent --prefix load-tests/peers
	ops/servers/with $${CARGO_TARGET_DIR:-target}/release/stampede-bench $(if $(ONLY),--only $(ONLY))

tuning: ## what batch size, linger and writers do, on files and on servers, as tables; a quarter of an hour, and wants the machine for itself
	@ops/setup
	cargo build --release --package stampede --package stampede-bench
	$${CARGO_TARGET_DIR:-target}/release/stampede-bench --rounds 3 --seconds 5 tuning
	ops/servers/with $${CARGO_TARGET_DIR:-target}/release/stampede-bench --rounds 2 --seconds 5 --distributed tuning

bench-curve: ## the spike curve of a whole sale, drawn in load-tests/pictures/spike-curve.svg
	cargo build --release --package stampede --package stampede-bench
	$${CARGO_TARGET_DIR:-target}/release/stampede-bench --only curve --picture load-tests/pictures/spike-curve.svg

bench-distributed: ## the same of a shop on Postgres, Redis and Pub/Sub (ONLY=P1,P8: some of it)
	@ops/setup
	@load-tests/peers/install
	cargo build --release --package stampede --package stampede-bench
	cargo build --release --package stampede-backends --example bus_speed --example store_speed
	ops/servers/with $${CARGO_TARGET_DIR:-target}/release/stampede-bench --distributed $(if $(ONLY),--only $(ONLY))

sbom: ## what the binary is made of, as CycloneDX in artifacts/sbom/ (builds a pinned tool once)
	@ops/tool cargo-cyclonedx $(CARGO_CYCLONEDX_VERSION)
	@ops/sbom

advisories: ## known weaknesses of what we depend on; asks the RustSec database, so it is no part of `make check`
	@ops/tool cargo-deny $(CARGO_DENY_VERSION)
	.tools/bin/cargo-deny check advisories

hooks: ## git checks the format before a commit and runs `make check` before a push
	git config core.hooksPath ops/hooks
