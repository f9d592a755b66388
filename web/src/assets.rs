//! Static files with their content's hash in the URL, so that a browser may keep them for ever. No HTTP here.

use rust_embed::RustEmbed;
use std::{borrow::Cow, collections::BTreeMap, fmt::Write as _, sync::LazyLock};

#[derive(RustEmbed)]
#[folder = "static"]
struct Static;

/// A file to be served as it is, with `Cache-Control: public, max-age=31536000, immutable`.
#[derive(Clone, Debug)]
pub struct Asset {
    /// The content.
    pub bytes: Cow<'static, [u8]>,
    /// The `Content-Type` header.
    pub content_type: &'static str,
    /// The `ETag` header, with its quotes.
    pub etag: String,
}

struct Entry {
    hashed_name: String,
    asset: Asset,
}

/// Read once: the hashes in pages and in requests always agree within a process.
static ENTRIES: LazyLock<BTreeMap<String, Entry>> = LazyLock::new(|| {
    Static::iter()
        .filter_map(|name| {
            let file = Static::get(&name)?;
            let hash = file.metadata.sha256_hash()[..8].iter().fold(String::new(), |mut hex, byte| {
                let _ = write!(hex, "{byte:02x}");
                hex
            });
            let (stem, extension) = name.rsplit_once('.')?;
            let hashed_name = format!("{stem}.{hash}.{extension}");
            let asset = Asset { bytes: file.data, content_type: content_type(extension), etag: format!("\"{hash}\"") };
            Some((name.to_string(), Entry { hashed_name, asset }))
        })
        .collect()
});

/// The file behind what follows `/static/` in a URL; `None` when the name or its hash is not of this build.
pub fn asset(path: &str) -> Option<&'static Asset> {
    ENTRIES.values().find(|entry| entry.hashed_name == path).map(|entry| &entry.asset)
}

/// The URL of a file by its plain name: `site.css` is `/static/site.<hash>.css`. `None` for a file that is not there.
pub fn asset_url(name: &str) -> Option<String> {
    ENTRIES.get(name).map(|entry| format!("/static/{}", entry.hashed_name))
}

fn content_type(extension: &str) -> &'static str {
    match extension {
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::{asset, asset_url};

    #[test]
    fn a_file_is_found_by_its_hashed_name_only() {
        let url = asset_url("site.css").expect("because the style sheet is in the folder");
        let found = asset(url.trim_start_matches("/static/")).expect("because it was just named");
        assert_eq!(found.content_type, "text/css; charset=utf-8");
        assert!(url.contains(found.etag.trim_matches('"')));
        assert!(asset("site.css").is_none() && asset("site.0000000000000000.css").is_none());
        assert!(asset("../Cargo.toml").is_none() && asset_url("Cargo.toml").is_none());
    }
}
