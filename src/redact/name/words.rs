//! A name read as words: `spring.datasource.password`, `MYSQL_ROOT_PASSWORD`, `apiKey`.

/// How many words are told apart; of a very long name the last ones.
const MOST: usize = 12;

/// The words of a name, lower-case, without digits.
pub(crate) struct Words {
    text: [u8; 96],
    ends: [usize; MOST],
    starts: [usize; MOST],
    pub count: usize,
    /// Written like an environment variable.
    pub upper: bool,
}

impl Words {
    pub fn of(name: &[u8]) -> Self {
        let name = &name[name.len().saturating_sub(96)..];
        let mut words = Self { text: [0; 96], ends: [0; MOST], starts: [0; MOST], count: 0, upper: true };
        let mut open = false;
        for (index, byte) in name.iter().enumerate() {
            words.text[index] = byte.to_ascii_lowercase();
            if !byte.is_ascii_alphabetic() {
                open = false;
                continue;
            }
            words.upper &= byte.is_ascii_uppercase();
            let before = index.checked_sub(1).map_or(b'_', |i| name[i]);
            let after = name.get(index + 1).copied().unwrap_or(b'_');
            let hump = byte.is_ascii_uppercase()
                && (before.is_ascii_lowercase() || (before.is_ascii_uppercase() && after.is_ascii_lowercase()));
            if !open || hump {
                words.push(index);
                open = true;
            }
            words.ends[words.count - 1] = index + 1;
        }
        words
    }

    fn push(&mut self, start: usize) {
        if self.count == MOST {
            // A very long name: its last words decide.
            self.starts.rotate_left(1);
            self.ends.rotate_left(1);
        } else {
            self.count += 1;
        }
        self.starts[self.count - 1] = start;
    }

    pub fn get(&self, index: usize) -> &str {
        std::str::from_utf8(&self.text[self.starts[index]..self.ends[index]]).unwrap_or_default()
    }

    /// Without what only says which of several it is at the end: `KEYS_OLD` are keys.
    pub fn drop_age(&mut self) {
        while self.count > 1 && matches!(self.last(), "old" | "previous" | "prev" | "new" | "current" | "next") {
            self.count -= 1;
        }
    }

    pub fn last(&self) -> &str {
        self.count.checked_sub(1).map_or("", |last| self.get(last))
    }

    pub fn before_last(&self) -> &str {
        self.count.checked_sub(2).map_or("", |index| self.get(index))
    }

    pub fn any(&self, test: impl Fn(&str) -> bool) -> bool {
        (0..self.count).any(|index| test(self.get(index)))
    }
}
