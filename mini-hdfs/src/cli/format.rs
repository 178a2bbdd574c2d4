//! Numbers, times and modes as Hadoop's shell prints them.

/// `-rw-r--r--`, `drwxr-xr-x`; a `t` at the end is the sticky bit.
pub(crate) fn mode(is_directory: bool, mode: u16) -> String {
    let mut text = String::from(if is_directory { "d" } else { "-" });
    for shift in [6, 3, 0] {
        let bits = mode >> shift;
        text.push(if bits & 4 == 0 { '-' } else { 'r' });
        text.push(if bits & 2 == 0 { '-' } else { 'w' });
        text.push(if bits & 1 == 0 { '-' } else { 'x' });
    }
    if mode & 0o1000 != 0 {
        let executable = text.pop() == Some('x');
        text.push(if executable { 't' } else { 'T' });
    }
    text
}

/// `1536` as `1.5 K`, `1048576` as `1 M` (`TraditionalBinaryPrefix`).
pub(crate) fn human(bytes: u64) -> String {
    if bytes < 1024 {
        return bytes.to_string();
    }
    let mut shift = (63 - bytes.leading_zeros()) / 10 * 10;
    let symbol = |shift: u32| ["", "K", "M", "G", "T", "P", "E"][(shift / 10) as usize];
    if bytes.trailing_zeros() >= shift {
        return format!("{} {}", bytes >> shift, symbol(shift));
    }
    // In tenths, rounded; 1023.96 K would be 1024.0 K.
    let tenths = |shift: u32| (u128::from(bytes) * 10 + (1 << (shift - 1))) >> shift;
    if tenths(shift) >= 10_240 {
        shift += 10;
    }
    let tenths = tenths(shift);
    format!("{}.{} {}", tenths / 10, tenths % 10, symbol(shift))
}

/// `part` of `whole` as `12.34%`; 0 of nothing.
pub(crate) fn percent(part: u64, whole: u64) -> String {
    let hundredths = u128::from(part) * 10_000 / u128::from(whole.max(1));
    format!("{}.{:02}%", hundredths / 100, hundredths % 100)
}

/// A date and time, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Utc {
    year: u64,
    month: u64,
    day: u64,
    second_of_day: u64,
}

impl Utc {
    /// From milliseconds since the epoch.
    pub(crate) fn from_millis(millis: u64) -> Utc {
        let (days, second_of_day) = (millis / 86_400_000, millis / 1000 % 86_400);
        // Counted in years that begin in March, the leap day is the last day of its year; 400 of them are an era.
        let since_march_0000 = days + 719_468;
        let (era, day_of_era) = (since_march_0000 / 146_097, since_march_0000 % 146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let month = (month_from_march + 2) % 12 + 1;
        Utc {
            year: era * 400 + year_of_era + u64::from(month <= 2),
            month,
            day: day_of_year - (153 * month_from_march + 2) / 5 + 1,
            second_of_day,
        }
    }

    /// `2026-11-21 22:39`.
    pub(crate) fn minutes(self) -> String {
        let minute = self.second_of_day / 60;
        format!(
            "{:04}-{:02}-{:02} {:02}:{:02}",
            self.year,
            self.month,
            self.day,
            minute / 60,
            minute % 60
        )
    }

    /// `2026-11-21 22:39:07`.
    pub(crate) fn seconds(self) -> String {
        format!("{}:{:02}", self.minutes(), self.second_of_day % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        let cases = [
            (0, "0"),
            (1023, "1023"),
            (1024, "1 K"),
            (1536, "1.5 K"),
            (1_048_535, "1.0 M"),
            (1 << 20, "1 M"),
            (128 << 20, "128 M"),
            (u64::MAX, "16.0 E"),
        ];
        for (bytes, text) in cases {
            assert_eq!(human(bytes), text);
        }
        assert_eq!(percent(1, 3), "33.33%");
        assert_eq!(percent(0, 0), "0.00%");
    }

    #[test]
    fn modes() {
        assert_eq!(mode(false, 0o644), "-rw-r--r--");
        assert_eq!(mode(true, 0o1777), "drwxrwxrwt");
        assert_eq!(mode(true, 0o1750), "drwxr-x--T");
    }

    #[test]
    fn dates() {
        let text = |millis| Utc::from_millis(millis).seconds();
        assert_eq!(text(0), "1970-01-01 00:00:00");
        assert_eq!(text(951_782_400_000), "2000-02-29 00:00:00");
        assert_eq!(text(1_795_300_747_999), "2026-11-21 22:39:07");
        assert_eq!(text(4_102_444_799_000), "2099-12-31 23:59:59");
    }
}
