//! What a 207 says of each resource.

use super::xml::{DAV, Element, parse};
use crate::Broken;
use crate::http::Response;

/// A 207 (RFC 4918 §13).
#[derive(Debug)]
pub(super) struct Multistatus {
    pub(super) members: Vec<Member>,
    /// The response in one line, for reports.
    pub(super) brief: String,
}

/// What is said of one resource.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) href: String,
    pub(super) status: Option<u16>,
    pub(super) stats: Vec<Propstat>,
}

/// What is said of some of its properties.
#[derive(Debug)]
pub(super) struct Propstat {
    pub(super) status: u16,
    pub(super) props: Vec<Element>,
    pub(super) errors: Vec<Element>,
}

impl Multistatus {
    /// What a response says, if it is a 207 that can be understood.
    pub(super) fn of(response: &Response) -> Result<Self, Broken> {
        let wrong = |expected: &str| Broken::new(expected, response.brief());
        if response.status != 207 {
            return Err(wrong("207"));
        }
        let root = document(response)?;
        if !root.is(DAV, "multistatus") {
            return Err(wrong("multistatus of the namespace DAV:"));
        }
        let mut members = Vec::new();
        for response in root.elements().filter(|element| element.is(DAV, "response")) {
            let stats: Option<Vec<_>> =
                response.elements().filter(|element| element.is(DAV, "propstat")).map(propstat).collect();
            let status =
                response.dav("status").map(|status| code(status).ok_or_else(|| wrong("a status line")));
            let status = status.transpose()?;
            let stats = stats.ok_or_else(|| wrong("prop and status in each propstat"))?;
            let hrefs: Vec<_> = response.elements().filter(|element| element.is(DAV, "href")).collect();
            if hrefs.is_empty() {
                return Err(wrong("href in each response"));
            }
            for href in hrefs {
                let (href, stats) =
                    (href.text().trim().to_owned(), stats.iter().map(Propstat::copy).collect());
                members.push(Member { href, status, stats });
            }
        }
        Ok(Self { members, brief: response.brief() })
    }

    /// The only resource that it speaks of.
    pub(super) fn one(mut self) -> Result<Member, Broken> {
        match (self.members.pop(), self.members.is_empty()) {
            (Some(member), true) => Ok(member),
            _ => Err(Broken::new("one response", self.brief)),
        }
    }
}

impl Propstat {
    fn copy(&self) -> Self {
        Self { status: self.status, props: self.props.clone(), errors: self.errors.clone() }
    }
}

impl Member {
    /// The property of this name, with its status code.
    pub(super) fn prop(&self, space: &str, name: &str) -> Option<(u16, &Element)> {
        let props = self.stats.iter().flat_map(|stat| stat.props.iter().map(move |prop| (stat.status, prop)));
        props.into_iter().find(|(_, prop)| prop.is(space, name))
    }

    /// The status code that a property has; 0 where nothing is said of it.
    pub(super) fn code(&self, space: &str, name: &str) -> u16 {
        self.prop(space, name).map_or(0, |(code, _)| code)
    }

    /// Names and values of what is there.
    pub(super) fn found(&self) -> impl Iterator<Item = &Element> {
        self.stats.iter().filter(|stat| stat.status == 200).flat_map(|stat| &stat.props)
    }

    /// In one line, for reports.
    pub(super) fn brief(&self) -> String {
        let of = |stat: &Propstat| {
            let props: Vec<_> = stat.props.iter().map(Element::write).collect();
            let errors: Vec<_> = stat.errors.iter().map(|error| error.name.as_str()).collect();
            format!("{} for {} {}", stat.status, props.concat(), errors.join(","))
        };
        let stats: Vec<_> = self.stats.iter().map(of).collect();
        format!("{} {} {}", self.href, self.status.unwrap_or_default(), stats.join("; "))
    }
}

/// The document that a response has.
pub(super) fn document(response: &Response) -> Result<Element, Broken> {
    parse(&response.body)
        .map_err(|error| Broken::new("well-formed XML", format!("{error} in {}", response.brief())))
}

/// The conditions that a response, or an element of it, says to have failed.
pub(super) fn errors(element: &Element) -> Vec<Element> {
    let error = if element.is(DAV, "error") { Some(element) } else { element.dav("error") };
    error.map(|error| error.elements().cloned().collect()).unwrap_or_default()
}

fn propstat(element: &Element) -> Option<Propstat> {
    let props = element.dav("prop")?.elements().cloned().collect();
    Some(Propstat { status: code(element.dav("status")?)?, props, errors: errors(element) })
}

/// The code in a status line.
fn code(status: &Element) -> Option<u16> {
    let text = status.text();
    let mut words = text.split_whitespace();
    words.next().filter(|version| version.starts_with("HTTP/"))?;
    words.next()?.parse().ok()
}
