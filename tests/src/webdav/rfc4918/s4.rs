//! RFC 4918 §4: what is kept of the properties that clients make.

use crate::case::{Verdict, check};
use crate::webdav::client::{Dav, keeping, removing};
use crate::webdav::dav_cases;
use crate::webdav::xml::{OWN, parse};
use crate::{Broken, Outcome};

/// A property is set, and comes back with the same content.
async fn kept(dav: &mut Dav<'_>, value: &str) -> Verdict {
    dav.put("a.txt", "a").await?;
    let prop = format!("<c:note xmlns:c=\"{OWN}\">{value}</c:note>");
    let sent = parse(prop.as_bytes()).map_err(|error| Broken::new("a value that is well-formed", error))?;
    let set = dav.set("a.txt", &prop).await?;
    check(set, format!("200 to setting {prop}"), "a failure")?;
    let got = dav.own("a.txt", "note").await?;
    let met = got.as_ref().is_some_and(|got| got.same_content(&sent));
    check(met, prop, got.map_or("none".into(), |got| got.write()))
}

/// The language that a property has, after PROPPATCH with these instructions.
async fn language(dav: &mut Dav<'_>, instructions: &str, lang: &str) -> Verdict {
    dav.put("a.txt", "a").await?;
    dav.patch("a.txt", instructions).await?;
    let got = dav.own("a.txt", "note").await?.and_then(|note| note.lang);
    check(got.as_deref() == Some(lang), format!("xml:lang {lang}"), format!("{got:?}"))
}

dav_cases! {
    /// The text of a property comes back as it was set.
    Must "webdav/4918/4.3/text" = async |dav| {
        keeping!(dav);
        kept(dav, "Jane Doe").await
    }

    /// An empty property is there, and what was never set is not.
    Must "webdav/4918/4.3/empty" = async |dav| {
        keeping!(dav);
        dav.put("a.txt", "a").await?;
        dav.set("a.txt", "<c:empty/>").await?;
        let found = dav.props("a.txt", "<c:empty/><c:missing/>").await?;
        let met = (found.code(OWN, "empty"), found.code(OWN, "missing")) == (200, 404);
        check(met, "200 for empty, 404 for missing", found.brief())
    }

    /// Elements in a property keep their namespaces and names.
    Must "webdav/4918/4.3/elements" = async |dav| {
        keeping!(dav);
        kept(dav, "<c:a><b xmlns=\"urn:other\"><d/></b></c:a><c:a xmlns=\"\"><plain/></c:a>").await
    }

    /// Elements in a property keep their attributes, with the namespaces of these.
    Must "webdav/4918/4.3/attributes" = async |dav| {
        keeping!(dav);
        kept(dav, "<c:uri type='email' c:added=\"2005&quot;11\" xmlns:o='urn:o' o:type='&lt;'/>").await
    }

    /// Text and elements of a property stay in their order.
    Must "webdav/4918/4.3/mixed-content" = async |dav| {
        keeping!(dav);
        kept(dav, "working way <c:em>too</c:em> long on <c:em>it</c:em>.").await
    }

    /// Whitespace in a property is kept: at its ends, between elements and alone.
    Must "webdav/4918/4.3/whitespace" = async |dav| {
        keeping!(dav);
        kept(dav, "\n  two  <c:a> </c:a>\n\t<c:b/> ").await
    }

    /// Whitespace in a property is kept whatever xml:space says.
    Must "webdav/4918/4.3/xml-space" = async |dav| {
        keeping!(dav);
        kept(dav, "<c:a xml:space=\"default\">  two\n  lines </c:a>").await
    }

    /// Characters that XML or UTF-8 need several octets for are kept.
    Must "webdav/4918/4.3/characters" = async |dav| {
        keeping!(dav);
        kept(dav, "&lt;&amp;&gt;&quot;&apos; <![CDATA[<RFC2518> & ]]> gr\u{fc}n \u{65e5}\u{672c} \u{1f9f6} &#x20ac;]]&gt;").await
    }

    /// xml:lang of a property is kept.
    Must "webdav/4918/4.3/lang" = async |dav| {
        keeping!(dav);
        language(dav, "<D:set><D:prop><c:note xml:lang=\"de-AT\">ja</c:note></D:prop></D:set>", "de-AT").await
    }

    /// xml:lang of an element around a property is kept with it.
    Must "webdav/4918/14.26/lang-in-scope" = async |dav| {
        keeping!(dav);
        language(dav, "<D:set><D:prop xml:lang=\"en\"><c:note>yes</c:note></D:prop></D:set>", "en").await
    }

    /// Prefixes in a property are kept.
    Should "webdav/4918/4.3/prefix" = async |dav| {
        keeping!(dav);
        kept(dav, "<mine:a xmlns:mine=\"urn:m\"/>").await?;
        let got = dav.own("a.txt", "note").await?;
        let prefix = got.as_ref().and_then(|got| Some(got.elements().next()?.prefix.clone()));
        check(prefix.as_deref() == Some("mine"), "the prefix mine", format!("{prefix:?}"))
    }

    /// A property may be in no namespace.
    Must "webdav/4918/4.4/no-namespace" = async |dav| {
        keeping!(dav);
        dav.put("a.txt", "a").await?;
        let set = dav.set("a.txt", "<bare xmlns=\"\">yes</bare>").await?;
        check(set, "200 to setting a property in no namespace", "a failure")?;
        let found = dav.props("a.txt", "<bare xmlns=\"\"/><c:bare/>").await?;
        let met = found.prop("", "bare").is_some_and(|(code, prop)| code == 200 && prop.text() == "yes");
        check(met && found.code(OWN, "bare") == 404, "bare in no namespace only", found.brief())
    }

    /// Properties are told apart by their namespaces.
    Must "webdav/4918/4.4/namespaces" = async |dav| {
        keeping!(dav);
        dav.put("a.txt", "a").await?;
        dav.set("a.txt", "<c:note>one</c:note><note xmlns=\"urn:two\">two</note>").await?;
        let found = dav.props("a.txt", "<c:note/><t:note xmlns:t=\"urn:two\"/>").await?;
        let text = |space| found.prop(space, "note").map(|(_, prop)| prop.text());
        check(
            text(OWN).as_deref() == Some("one") && text("urn:two").as_deref() == Some("two"),
            "one and two",
            found.brief(),
        )
    }

    /// Names of properties are told apart by case.
    Must "webdav/4918/4.4/case" = async |dav| {
        keeping!(dav);
        dav.put("a.txt", "a").await?;
        dav.set("a.txt", "<c:note>small</c:note><c:Note>large</c:Note>").await?;
        dav.own_is("a.txt", "note", Some("small")).await?;
        dav.own_is("a.txt", "Note", Some("large")).await
    }

    /// A property that is set again has the new value only.
    Must "webdav/4918/4.4/one-value" = async |dav| {
        keeping!(dav);
        dav.put("a.txt", "a").await?;
        dav.set("a.txt", "<c:note>first</c:note>").await?;
        dav.set("a.txt", "<c:note>second</c:note>").await?;
        dav.own_is("a.txt", "note", Some("second")).await?;
        let found = dav.find("a.txt", crate::webdav::client::ALLPROP).await?;
        let notes = found.found().filter(|prop| prop.is(OWN, "note")).count();
        check(notes == 1, "note once", found.brief())
    }

    /// Collections have properties as files do.
    Must "webdav/4918/5.2/properties-of-collections" = async |dav| {
        keeping!(dav);
        dav.mkcol("c/").await?;
        dav.set("c/", "<c:note>of c</c:note>").await?;
        dav.own_is("c/", "note", Some("of c")).await?;
        dav.patch("c/", &removing("<c:note/>")).await?;
        dav.own_is("c/", "note", None).await?;
        Ok(Outcome::Pass)
    }
}
