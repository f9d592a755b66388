//! Who carries the shop's mails.
//!
//! | technology | for |
//! |---|---|
//! | [`FolderMailer`] | demo and tests: `.eml` files in a folder, which any mail program opens |
//! | [`SmtpMailer`] | real mail, by whatever server takes it |

mod folder;
mod mime;
mod smtp;

#[cfg(test)]
pub(crate) mod contract;
#[cfg(test)]
pub(crate) mod simulated;

pub use folder::FolderMailer;
pub use mime::{Sender, SenderRefused};
pub use smtp::{SmtpMailer, SmtpRefused};
