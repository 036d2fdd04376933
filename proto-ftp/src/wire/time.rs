use ropewalk_core::data::files::Time;

/// Seconds of a day.
const DAY: i64 = 86_400;

/// A moment as a calendar shows it, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Calendar {
    /// The year, of the Gregorian calendar.
    pub year: i64,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 59.
    pub second: u8,
}

impl Calendar {
    /// The calendar's date of so many seconds after 1970 began.
    pub fn of(secs: i64) -> Self {
        let (days, rest) = (secs.div_euclid(DAY), secs.rem_euclid(DAY));
        // Days from 1 March of year 0 on, in eras of 400 years: February, and so the leap day, comes last.
        let shifted = days + 719_468;
        let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
        let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * shifted_month + 2) / 5 + 1;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        // Each is in its range by what was divided above.
        let small = |number: i64| u8::try_from(number).unwrap_or(0);
        Self {
            year,
            month: small(month),
            day: small(day),
            hour: small(rest / 3600),
            minute: small(rest / 60 % 60),
            second: small(rest % 60),
        }
    }

    /// Seconds after 1970 began; `None` for a day that is in no calendar, or a time in no day.
    pub fn secs(self) -> Option<i64> {
        let Self { year, month, day, hour, minute, second } = self;
        let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let longest = match month {
            2 if is_leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => return None,
        };
        if !(1..=longest).contains(&day) || hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let year = year - i64::from(month <= 2);
        let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
        let shifted_month = (i64::from(month) + 9) % 12;
        let of_year = (153 * shifted_month + 2) / 5 + i64::from(day) - 1;
        let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
        Some(days * DAY + i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second))
    }
}

/// A time-val (RFC 3659 §2.3), in whole seconds.
pub fn write_time(time: Time) -> String {
    let Calendar { year, month, day, hour, minute, second } = Calendar::of(time.secs());
    format!("{:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}", year.clamp(0, 9999))
}

/// Reads a time-val: fourteen digits, and a fraction of a second if there is one. A leap second is the second before it.
pub fn parse_time(text: &[u8]) -> Option<Time> {
    let (whole, fraction) = match text.split_at_checked(14)? {
        (whole, b"") => (whole, None),
        (whole, rest) => (whole, Some(rest.strip_prefix(b".")?)),
    };
    let digits = |from: usize, to: usize| {
        let part = whole.get(from..to)?;
        part.iter()
            .try_fold(0_i64, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + i64::from(byte - b'0')))
    };
    let small = |from| digits(from, from + 2).and_then(|number| u8::try_from(number).ok());
    let second = small(12).map(|second| if second == 60 { 59 } else { second })?;
    let calendar = Calendar {
        year: digits(0, 4)?,
        month: small(4)?,
        day: small(6)?,
        hour: small(8)?,
        minute: small(10)?,
        second,
    };
    let nanos = match fraction {
        None => 0,
        Some(digits) if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) => return None,
        Some(digits) => {
            let padded = digits.iter().chain(std::iter::repeat(&b'0')).take(9);
            padded.fold(0_u32, |sum, byte| sum * 10 + u32::from(byte - b'0'))
        }
    };
    Some(Time::new(calendar.secs()?, nanos))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        for (text, secs) in [
            ("19700101000000", 0),
            ("19691231235959", -1),
            ("20000229120000", 951_825_600),
            ("20261121190256", 1_795_287_776),
            ("21070207062815", 4_326_503_295),
        ] {
            assert_eq!(parse_time(text.as_bytes()), Some(Time::new(secs, 0)), "{text}");
            assert_eq!(write_time(Time::new(secs, 5)), text);
        }
    }

    #[test]
    fn a_fraction_is_read_and_nonsense_is_not() {
        assert_eq!(parse_time(b"19700101000001.5"), Some(Time::new(1, 500_000_000)));
        assert_eq!(parse_time(b"19700101000001.1234567891"), Some(Time::new(1, 123_456_789)));
        assert_eq!(parse_time(b"19981231235960"), parse_time(b"19981231235959"));
        for bad in [
            "",
            "1970",
            "1970010100000",
            "19700101000000.",
            "19700101000000.x",
            "19700101000000Z",
            "19700001000000",
            "19700230000000",
            "21000229000000",
            "19700101240000",
            "1970010100+100",
        ] {
            assert_eq!(parse_time(bad.as_bytes()), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(secs in -62_135_596_800_i64..253_402_300_799) {
            prop_assert_eq!(Calendar::of(secs).secs(), Some(secs));
            let time = Time::new(secs, 0);
            prop_assert_eq!(parse_time(write_time(time).as_bytes()), Some(time));
        }
    }
}
