use std::collections::HashMap;

use http::HeaderValue;
use ropewalk_core::data::files::VPath;

/// Media types by the extension of a name.
///
/// What is in neither list is `application/octet-stream`, which no browser shows.
#[derive(Clone, Debug, Default)]
pub struct Types(HashMap<String, HeaderValue>);

impl Types {
    /// With this type for names that end with a dot and `extension`, in any case.
    #[must_use]
    pub fn with(mut self, extension: &str, media_type: HeaderValue) -> Self {
        self.0.insert(extension.to_ascii_lowercase(), media_type);
        self
    }

    pub(crate) fn of(&self, path: &VPath) -> HeaderValue {
        let name = path.names().next_back().unwrap_or_default();
        let extension = match name.iter().rposition(|&byte| byte == b'.') {
            // A name that is nothing but its extension has none.
            None | Some(0) => return UNKNOWN,
            Some(dot) => name.get(dot + 1..).unwrap_or_default().to_ascii_lowercase(),
        };
        let Ok(extension) = str::from_utf8(&extension) else { return UNKNOWN };
        self.0
            .get(extension)
            .cloned()
            .unwrap_or_else(|| known(extension).map_or(UNKNOWN, HeaderValue::from_static))
    }
}

const UNKNOWN: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// The types of the web and of what people keep; text is UTF-8.
fn known(extension: &str) -> Option<&'static str> {
    Some(match extension {
        "html" | "htm" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" | "mjs" | "cjs" => "text/javascript; charset=utf-8",
        "txt" | "text" | "log" | "conf" | "ini" | "toml" | "rs" | "py" | "c" | "h" | "sh" | "diff"
        | "patch" | "srt" => "text/plain; charset=utf-8",
        "md" | "markdown" => "text/markdown; charset=utf-8",
        "csv" => "text/csv; charset=utf-8",
        "tsv" => "text/tab-separated-values; charset=utf-8",
        "ics" => "text/calendar; charset=utf-8",
        "vcf" => "text/vcard; charset=utf-8",
        "vtt" => "text/vtt; charset=utf-8",
        "xml" => "application/xml",
        "xsl" | "xslt" => "application/xslt+xml",
        "dtd" => "application/xml-dtd",
        "rdf" => "application/rdf+xml",
        "kml" => "application/vnd.google-earth.kml+xml",
        "mpd" => "application/dash+xml",
        "m3u8" => "application/vnd.apple.mpegurl",
        "atom" => "application/atom+xml",
        "rss" => "application/rss+xml",
        "xhtml" => "application/xhtml+xml",
        "json" | "map" | "har" | "topojson" => "application/json",
        "json5" => "application/json5",
        "ndjson" | "jsonl" => "application/x-ndjson",
        "geojson" => "application/geo+json",
        "jsonld" => "application/ld+json",
        "webmanifest" => "application/manifest+json",
        "yaml" | "yml" => "application/yaml",
        "wasm" => "application/wasm",
        "pdf" => "application/pdf",
        "epub" => "application/epub+zip",
        "rtf" => "application/rtf",
        "ps" | "eps" => "application/postscript",
        "odt" => "application/vnd.oasis.opendocument.text",
        "ods" => "application/vnd.oasis.opendocument.spreadsheet",
        "odp" => "application/vnd.oasis.opendocument.presentation",
        "odg" => "application/vnd.oasis.opendocument.graphics",
        "doc" => "application/msword",
        "xls" => "application/vnd.ms-excel",
        "ppt" => "application/vnd.ms-powerpoint",
        "docx" => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "xlsx" => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "pptx" => "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        "zip" => "application/zip",
        "gz" | "tgz" => "application/gzip",
        "zst" => "application/zstd",
        "bz2" => "application/x-bzip2",
        "xz" => "application/x-xz",
        "tar" => "application/x-tar",
        "7z" => "application/x-7z-compressed",
        "rar" => "application/vnd.rar",
        "jar" => "application/java-archive",
        "apk" => "application/vnd.android.package-archive",
        "deb" => "application/vnd.debian.binary-package",
        "kmz" => "application/vnd.google-earth.kmz",
        "torrent" => "application/x-bittorrent",
        "cer" | "crt" | "der" => "application/pkix-cert",
        "crl" => "application/pkix-crl",
        "pem" => "application/pem-certificate-chain",
        "gltf" => "model/gltf+json",
        "glb" => "model/gltf-binary",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "apng" => "image/apng",
        "jpg" | "jpeg" | "jfif" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "avif" => "image/avif",
        "jxl" => "image/jxl",
        "heic" => "image/heic",
        "heif" => "image/heif",
        "bmp" => "image/bmp",
        "tif" | "tiff" => "image/tiff",
        "ico" => "image/vnd.microsoft.icon",
        "mp3" => "audio/mpeg",
        "m4a" => "audio/mp4",
        "aac" => "audio/aac",
        "ogg" | "oga" => "audio/ogg",
        "opus" => "audio/ogg",
        "flac" => "audio/flac",
        "wav" => "audio/wav",
        "weba" => "audio/webm",
        "mid" | "midi" => "audio/midi",
        "aif" | "aiff" => "audio/x-aiff",
        "mp4" | "m4v" => "video/mp4",
        "webm" => "video/webm",
        "ogv" => "video/ogg",
        "mkv" => "video/matroska",
        "mpg" | "mpeg" => "video/mpeg",
        "3gp" => "video/3gpp",
        "mov" => "video/quicktime",
        "avi" => "video/x-msvideo",
        "ttf" => "font/ttf",
        "otf" => "font/otf",
        "ttc" => "font/collection",
        "eot" => "application/vnd.ms-fontobject",
        "woff" => "font/woff",
        "woff2" => "font/woff2",
        "eml" => "message/rfc822",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use ropewalk_core::data::files::DotDot;

    use super::*;

    #[test]
    fn the_last_extension_counts_and_additions_win() {
        let types = Types::default().with("TXT", HeaderValue::from_static("text/x-mine"));
        for (path, expected) in [
            ("/a.html", "text/html; charset=utf-8"),
            ("/a.HTML", "text/html; charset=utf-8"),
            ("/a.tar.gz", "application/gzip"),
            ("/a.txt", "text/x-mine"),
            ("/.html", "application/octet-stream"),
            ("/a.html/b", "application/octet-stream"),
            ("/a.", "application/octet-stream"),
            ("/", "application/octet-stream"),
        ] {
            let path = VPath::parse(path.as_bytes(), &VPath::ROOT, DotDot::Refuse).unwrap();
            assert_eq!(types.of(&path), expected, "{path}");
        }
    }
}
