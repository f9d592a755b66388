//! Several libraries here speak TLS, and each could bring its own cryptography; some make a client only after one was chosen,
//! though it never speaks TLS.

/// Chooses AWS-LC for the process: the first thing that anybody does. Again, it changes nothing.
pub fn trust_one_provider() {
    // Already chosen is chosen.
    rustls::crypto::aws_lc_rs::default_provider().install_default().unwrap_or_default();
}
