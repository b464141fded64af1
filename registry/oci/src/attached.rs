//! Tags that are no names of their own but attachments of another manifest: `sha256-<hex>.sig` and the like.
//!
//! cosign keeps signatures, attestations and bills of materials under such tags; clients of registries without a list
//! of referrers keep that list under `sha256-<hex>`, as an index.

use crate::Digest;

/// Hexadecimal digits of a digest that fit such a tag.
const HEX: usize = 64;

/// What a tag attaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Attachment {
    /// An index of referrers, made by a client.
    Referrers,
    /// Signatures.
    Signature,
    /// Attestations.
    Attestation,
    /// A bill of materials.
    Sbom,
}

impl Attachment {
    /// Every way to attach.
    pub const ALL: [Self; 4] = [Self::Referrers, Self::Signature, Self::Attestation, Self::Sbom];

    fn suffix(self) -> &'static str {
        match self {
            Self::Referrers => "",
            Self::Signature => ".sig",
            Self::Attestation => ".att",
            Self::Sbom => ".sbom",
        }
    }

    /// The tag under which this is attached to a manifest.
    pub fn tag_of(self, subject: &Digest) -> String {
        let hex = subject.hex();
        format!("{}-{}{}", subject.algorithm(), &hex[..hex.len().min(HEX)], self.suffix())
    }

    /// What a tag attaches; `None` for a tag that is a name.
    pub fn of_tag(tag: &str) -> Option<Self> {
        let rest = tag.strip_prefix("sha256-").or_else(|| tag.strip_prefix("sha512-"))?;
        let (hex, suffix) = rest.split_at_checked(HEX)?;
        let is_hex = hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        Self::ALL.into_iter().find(|attachment| is_hex && attachment.suffix() == suffix)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Algorithm;

    #[test]
    fn the_tag_of_an_attachment_is_read_back_as_such() {
        for subject in [Digest::sha256(b"x"), Digest::of(Algorithm::Sha512, b"x")] {
            for attachment in Attachment::ALL {
                let tag = attachment.tag_of(&subject);
                assert!(tag.parse::<crate::TagName>().is_ok(), "{tag}");
                assert_eq!(Attachment::of_tag(&tag), Some(attachment), "{tag}");
            }
        }
        let subject = Digest::sha256(b"x");
        assert_eq!(Attachment::Signature.tag_of(&subject), format!("sha256-{}.sig", subject.hex()));
    }

    #[test]
    fn other_tags_are_names() {
        let hex = "a".repeat(64);
        for name in [
            "latest".to_owned(),
            format!("sha256-{}", &hex[1..]),
            format!("sha256-{hex}a"),
            format!("sha256-{hex}.sigs"),
            format!("sha256-{hex}.SIG"),
            format!("sha256-{}.sig", hex.to_uppercase()),
            format!("md5-{hex}.sig"),
            format!("v1-sha256-{hex}.sig"),
            "sha256-".to_owned(),
        ] {
            assert_eq!(Attachment::of_tag(&name), None, "{name}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "(sha256-)?.{0,90}") {
            let _ = Attachment::of_tag(&text);
        }
    }
}
