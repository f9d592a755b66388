//! The protocol in small worlds, explored exhaustively: every order of steps, crashes, losses and repetitions, with the very
//! transitions of `stampede-domain` that the ledger and the store run.
