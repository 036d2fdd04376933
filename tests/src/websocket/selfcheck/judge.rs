//! What the reference server and client make of a frame before they act on it: RFC 6455 §5 to §8.

use bytes::Buf;

use super::echo::{Endpoint, MOST, Result, Stop};
use super::fault::Fault;
use super::text::is_text;
use crate::websocket::frame::{BINARY, CLOSE, CONTINUATION, Head, PING, PONG, TEXT};

impl Endpoint {
    /// What the length is taken for.
    pub(super) fn length(&self, head: &mut Head) -> Result<()> {
        match self.fault {
            Some(Fault::LengthOfSixBits) if head.width == 0 => head.length &= 0x3f,
            Some(Fault::SignedLength) if head.width == 2 && head.length > 0x7fff => {
                return Err(Stop::Fail(1002));
            }
            Some(Fault::NoLongLengths) if head.width == 8 => return Err(Stop::Fail(1009)),
            Some(Fault::DropsHighBit) => head.length &= u64::MAX >> 1,
            Some(Fault::MisreadsLongForms) if !head.is_minimal() => head.length = 0,
            _ => {}
        }
        Ok(())
    }

    /// RFC 6455 §5.1 to §5.5, as far as the head tells.
    pub(super) fn judge(&self, head: &Head) -> Result<()> {
        let amid = self.unfinished.is_some();
        let control = head.is_control();
        let unmasked = match self.fault {
            Some(Fault::TakesUnmaskedData) => control,
            Some(Fault::TakesUnmaskedControl) => !control,
            Some(Fault::TakesUnmaskedFragments) => head.opcode != CONTINUATION,
            Some(Fault::AnswersUnmasked) => false,
            _ => true,
        };
        let reserved = match self.fault {
            Some(Fault::TakesReservedInData) => control || head.opcode == CONTINUATION,
            Some(Fault::TakesReservedInControl) => !control,
            Some(Fault::TakesReservedInContinuation) => head.opcode != CONTINUATION,
            Some(Fault::OfferIsUse) => !self.asked,
            _ => true,
        };
        let unknown = match head.opcode {
            3..8 => !self.is(Fault::SkipsUnknownData),
            0xb.. => !self.is(Fault::SkipsUnknownControl),
            _ => false,
        };
        let fragmented = match self.fault {
            Some(Fault::FragmentedPing) => head.opcode != PING,
            Some(Fault::FragmentedPong) => head.opcode != PONG,
            Some(Fault::FragmentedClose) => head.opcode != CLOSE,
            _ => true,
        };
        let long = match self.fault {
            Some(Fault::LongPing) => head.opcode != PING,
            Some(Fault::LongPong) => head.opcode != PONG,
            Some(Fault::LongClose) => head.opcode != CLOSE,
            _ => true,
        };
        let misplaced = match head.opcode {
            CONTINUATION => {
                let continues = self.is(Fault::ContinuesNothing) || self.is(Fault::ContinuesTheWhole);
                !amid && !continues
            }
            TEXT | BINARY => amid && !self.is(Fault::NewEndsOld),
            _ => false,
        };
        let wrong = (head.key.is_some() == self.client && unmasked)
            || (head.reserved != 0 && reserved)
            || unknown
            || (control && !head.last && fragmented)
            || (control && head.length > 125 && long)
            || misplaced
            || (!control && !head.last && self.is(Fault::NoFragments))
            || (head.opcode == CONTINUATION && head.length > 125 && self.is(Fault::SmallFragments))
            || (!control && (amid || !head.last) && head.length == 0 && self.is(Fault::NoEmptyFragments));
        if wrong {
            return Err(Stop::Fail(1002));
        }
        let begun = self.unfinished.as_ref().map_or(0, |unfinished| unfinished.data.len());
        if head.length.saturating_add(begun as u64) > MOST as u64 {
            return match self.fault {
                Some(Fault::WaitsForHuge) => Ok(()),
                Some(Fault::HugeIs1008) if begun == 0 => Err(Stop::Fail(1008)),
                Some(Fault::LargeIs1003) if begun > 0 => Err(Stop::Fail(1003)),
                _ => Err(Stop::Fail(1009)),
            };
        }
        Ok(())
    }

    pub(super) fn text(&self, octets: &[u8], whole: bool) -> Result<()> {
        let code = if self.is(Fault::TextFailsWith1002) { 1002 } else { 1007 };
        if is_text(octets, whole, self.fault) { Ok(()) } else { Err(Stop::Fail(code)) }
    }

    /// The code of a Close, where it has one: RFC 6455 §5.5.1 and §7.4.
    pub(super) fn closing(&self, mut payload: &[u8]) -> Result<Option<u16>> {
        if payload.is_empty() || (payload.len() == 1 && self.is(Fault::TakesHalfACode)) {
            return Ok(None);
        }
        let Ok(code) = payload.try_get_u16() else { return Err(Stop::Fail(1002)) };
        let met = match code {
            0..1000 => self.is(Fault::TakesLowCodes),
            1010 => !self.is(Fault::Refuses1010),
            1000..=1003 | 1007..=1011 => true,
            1005 | 1006 | 1015 => self.is(Fault::TakesUnsendableCodes),
            1012..=1014 => !self.is(Fault::RefusesLaterCodes),
            1004 | 1016..3000 => self.is(Fault::TakesReservedCodes),
            3000..4000 => !self.is(Fault::RefusesLibraryCodes),
            4000..5000 => !self.is(Fault::RefusesPrivateCodes),
            5000.. => self.is(Fault::TakesHighCodes),
        };
        let short = payload.len() <= 100 || !self.is(Fault::ShortReasons);
        if !met || !short || (self.is(Fault::AsciiReasons) && !payload.is_ascii()) {
            return Err(Stop::Fail(1002));
        }
        if !self.is(Fault::ReasonUnchecked) {
            self.text(payload, true)?;
        }
        Ok(Some(code))
    }
}
