//! The judge is judged: by a sale that went well, and by what is falsified in it.

#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

mod falsified;
mod paid;
mod sale;
mod too_little;
