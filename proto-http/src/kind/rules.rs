//! The rules around the handlers of a site, as they are configured.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use http::{HeaderName, HeaderValue, StatusCode};
use ropewalk_core::config::{Section, Text};
use ropewalk_core::data::files::{DotDot, VPath};
use ropewalk_core::{Error, Result};

use crate::{Fields, Pattern, Redirect, Rewrite, Site, Statuses, Target, When};

/// The site with all rules but its logins.
pub(super) fn read(section: &mut Section<'_>, site: Site) -> Site {
    let site = redirects(section, site);
    let site = rewrites(section, site);
    let site = errors(section, site);
    let site = fields(section, site);
    security(section, site)
}

/// What a rule has come to; why it has not is an error of this key.
fn judge<T>(section: &Section<'_>, key: &str, read: Result<T, impl fmt::Display>) -> Option<T> {
    read.map_err(|error| section.error_in(key, error.to_string())).ok()
}

pub(super) fn plain<T>(texts: Vec<Text<T>>) -> Vec<T> {
    texts.into_iter().map(|Text(text)| text).collect()
}

fn ends(section: &mut Section<'_>, from: &'static str, to: &'static str) -> Option<(Pattern, Target)> {
    let from: Option<Text<Pattern>> = section.key("from", from).required();
    let to: Option<Text<Target>> = section.key("to", to).required();
    Some((from?.0, to?.0))
}

fn redirects(section: &mut Section<'_>, mut site: Site) -> Site {
    for mut table in section.tables("redirect", "A place where the peer is told to ask elsewhere.") {
        let ends = ends(
            &mut table,
            "The paths: `/a`, `/a/*`, `*.css`.",
            "Where they are: a path, or `https://host/path`; in it `*`, `{path}` and `{host}`.",
        );
        let status =
            table.key("status", "How it is told: 301 and 308 for good, 302, 303 and 307 for now.").or(301);
        let allowed = [301, 302, 303, 307, 308].contains(&status);
        let status = StatusCode::from_u16(status).ok().filter(|_| allowed);
        if status.is_none() {
            table.error_in("status", "a redirect is 301, 302, 303, 307 or 308");
        }
        if let (Some((from, to)), Some(status)) = (ends, status)
            && let Some(redirect) = judge(&table, "to", Redirect::new(from, to))
        {
            site = site.redirect(redirect.status(status));
        }
    }
    site
}

fn rewrites(section: &mut Section<'_>, mut site: Site) -> Site {
    for mut table in section.tables("rewrite", "A path that is answered by what stands at another.") {
        let ends = ends(
            &mut table,
            "The paths: `/a`, `/a/*`, `*.css`.",
            "The path that answers; in it `*` and `{path}`.",
        );
        let when = table
            .key("when", "Always, or only where nothing is found at the path itself.")
            .word_or(("always", When::Always), &[("missing", When::Missing)]);
        if let Some((from, to)) = ends
            && let Some(rewrite) = judge(&table, "to", Rewrite::new(from, to))
        {
            site = site.rewrite(rewrite.when(when));
        }
    }
    site
}

fn errors(section: &mut Section<'_>, mut site: Site) -> Site {
    let pages: BTreeMap<String, String> =
        section.key("errors", "Paths of error pages by status: `404`, `4xx`, `5xx`.").or(BTreeMap::new());
    for (status, page) in pages {
        let statuses = judge(section, "errors", status.parse::<Statuses>());
        let path = VPath::parse(page.as_bytes(), &VPath::ROOT, DotDot::Refuse);
        let path = path.ok().filter(|path| page.starts_with('/') && *path != VPath::ROOT);
        if path.is_none() {
            section.error_in("errors", format!("{page:?} is not the path of a page: it begins with a slash"));
        }
        if let (Some(statuses), Some(path)) = (statuses, path) {
            site = site.error_page(statuses, path);
        }
    }
    site
}

fn fields(section: &mut Section<'_>, mut site: Site) -> Site {
    for mut table in section.tables("header", "Header fields of the answers for some paths.") {
        let paths: Vec<Text<Pattern>> =
            table.key("path", "The paths: `/a`, `/a/*`, `*.css`.").or(vec![Text(Pattern::every())]);
        let set: BTreeMap<String, Vec<String>> =
            table.key("set", "Fields and their values, in place of what they were.").or(BTreeMap::new());
        let remove: Vec<String> = table.key("remove", "Fields that are left out.").or(Vec::new());
        let always = table.key("always", "Also for errors.").or(false);
        let mut rule = Fields::of(plain(paths));
        for (name, value) in
            set.iter().flat_map(|(name, values)| values.iter().map(move |value| (name, value)))
        {
            let field = name_of(name).and_then(|name| Ok((name, value_of(value)?)));
            let added = field.and_then(|(name, value)| rule.clone().set(name, value));
            rule = judge(&table, "set", added).unwrap_or(rule);
        }
        for name in &remove {
            let removed = name_of(name).and_then(|name| rule.clone().remove(name));
            rule = judge(&table, "remove", removed).unwrap_or(rule);
        }
        site = site.fields(if always { rule.always() } else { rule });
    }
    site
}

fn security(section: &mut Section<'_>, site: Site) -> Site {
    let on = section
        .key(
            "security_headers",
            "Whether browsers are told to guess no types, and to show no page in foreign frames.",
        )
        .or(false);
    let hsts: Option<Duration> = section
        .key("hsts", "How long browsers ask by https only; said over TLS alone (RFC 6797).")
        .optional();
    let below = section.key("hsts_subdomains", "Whether that is also for all hosts below.").or(false);
    let site = if on { site.security_headers() } else { site };
    hsts.map_or(site.clone(), |age| site.hsts(age, below))
}

fn name_of(text: &str) -> Result<HeaderName> {
    HeaderName::from_str(text)
        .map_err(|_| Error::local(format!("{text:?} is not the name of a header field")))
}

fn value_of(text: &str) -> Result<HeaderValue> {
    HeaderValue::from_str(text).map_err(|_| Error::local(format!("{text:?} cannot stand in a header field")))
}
