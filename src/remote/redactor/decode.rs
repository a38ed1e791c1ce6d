//! A text and its decoded forms, in which each character knows the range of the text from which it came.

use std::ops::Range;

/// The entities of HTML for ASCII punctuation and the letters that names have most often.
const ENTITIES: [(&str, char); 48] = [
    ("amp", '&'),
    ("lt", '<'),
    ("gt", '>'),
    ("quot", '"'),
    ("apos", '\''),
    ("nbsp", ' '),
    ("excl", '!'),
    ("num", '#'),
    ("dollar", '$'),
    ("percnt", '%'),
    ("lpar", '('),
    ("rpar", ')'),
    ("ast", '*'),
    ("plus", '+'),
    ("comma", ','),
    ("period", '.'),
    ("sol", '/'),
    ("colon", ':'),
    ("semi", ';'),
    ("equals", '='),
    ("quest", '?'),
    ("commat", '@'),
    ("lsqb", '['),
    ("lbrack", '['),
    ("bsol", '\\'),
    ("rsqb", ']'),
    ("rbrack", ']'),
    ("hat", '^'),
    ("lowbar", '_'),
    ("grave", '`'),
    ("lcub", '{'),
    ("verbar", '|'),
    ("vert", '|'),
    ("rcub", '}'),
    ("hyphen", '-'),
    ("dash", '-'),
    ("auml", 'ä'),
    ("ouml", 'ö'),
    ("uuml", 'ü'),
    ("aring", 'å'),
    ("oslash", 'ø'),
    ("aelig", 'æ'),
    ("eacute", 'é'),
    ("egrave", 'è'),
    ("agrave", 'à'),
    ("ccedil", 'ç'),
    ("ntilde", 'ñ'),
    ("szlig", 'ß'),
];
/// The longest entity.
const MAX_ENTITY: usize = 10;

/// Characters with where they came from.
pub struct DecodedText {
    chars: Vec<char>,
    /// By character: where it begins and ends in the text.
    origins: Vec<Range<usize>>,
}

impl DecodedText {
    /// A text as it is.
    pub fn new(text: &str) -> Self {
        let (origins, chars) = text.char_indices().map(|(at, c)| (at..at + c.len_utf8(), c)).unzip();
        Self { chars, origins }
    }

    /// The characters.
    pub fn chars(&self) -> &[char] {
        &self.chars
    }

    /// Where a range of characters is in the text.
    pub fn locate(&self, range: Range<usize>) -> Range<usize> {
        let origins = self.origins.get(range).unwrap_or_default();
        match (origins.first(), origins.last()) {
            (Some(first), Some(last)) => first.start..last.end,
            _ => 0..0,
        }
    }

    /// In small letters, every run of blanks as one; a plus may be a blank in a URL.
    pub fn normalize(&self) -> Self {
        let mut normal = Self { chars: Vec::with_capacity(self.chars.len()), origins: Vec::new() };
        for (c, origin) in self.chars.iter().zip(&self.origins) {
            for c in normalize_char(*c) {
                match (c, normal.chars.last(), normal.origins.last_mut()) {
                    (' ', Some(' '), Some(before)) => before.end = origin.end,
                    _ => normal.push(c, origin.clone()),
                }
            }
        }
        normal
    }

    /// Without what is no letter and no digit.
    pub fn keep_alphanumeric(&self) -> Self {
        let kept = self.chars.iter().zip(&self.origins).filter(|(c, _)| c.is_alphanumeric());
        let (chars, origins) = kept.map(|(c, origin)| (*c, origin.clone())).unzip();
        Self { chars, origins }
    }

    /// With the outermost escapes resolved; nothing when there are none.
    pub fn decode_once(&self) -> Option<Self> {
        let mut decoded = Self { chars: Vec::with_capacity(self.chars.len()), origins: Vec::new() };
        let (mut at, mut is_changed) = (0, false);
        while let Some(c) = self.chars.get(at) {
            match self.decode_escape(at) {
                Some((text, length)) => {
                    let origin = self.locate(at..at + length);
                    text.chars().for_each(|c| decoded.push(c, origin.clone()));
                    at += length;
                    is_changed = true;
                }
                None => {
                    decoded.push(*c, self.origins.get(at)?.clone());
                    at += 1;
                }
            }
        }
        is_changed.then_some(decoded)
    }

    fn push(&mut self, c: char, origin: Range<usize>) {
        self.chars.push(c);
        self.origins.push(origin);
    }

    /// What an escape stands for, and how many characters it has.
    fn decode_escape(&self, at: usize) -> Option<(String, usize)> {
        let rest = self.chars.get(at..)?;
        match rest {
            ['&', ..] => decode_entity(rest),
            ['%', 'u' | 'U', ..] => decode_digits(rest, 2..6, 16),
            ['%', ..] => decode_percent(rest),
            ['\\', 'u', '{', ..] => decode_braced(rest),
            ['\\', 'U', ..] => decode_digits(rest, 2..10, 16).or_else(|| decode_unicode(rest)),
            ['\\', 'u', ..] => decode_unicode(rest),
            ['\\', 'x', ..] => decode_digits(rest, 2..4, 16),
            ['0', 'x' | 'X', _, _, next, ..] if next.is_ascii_hexdigit() => None,
            ['0', 'x' | 'X', ..] => decode_digits(rest, 2..4, 16),
            ['\\', '0'..='3', '0'..='7', ..] => decode_digits(rest, 1..4, 8),
            ['\\', 'n' | 'r' | 't', ..] => Some((" ".to_owned(), 2)),
            ['\\', c, ..] => Some((c.to_string(), 2)),
            ['"', '"', ..] => Some(("\"".to_owned(), 2)),
            _ => None,
        }
    }
}

/// A character in small letters; blanks are all the same, and full-width forms are those of ASCII.
pub fn normalize_char(c: char) -> impl Iterator<Item = char> {
    let c = match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        c => c,
    };
    let c = if c.is_whitespace() || c == '+' { ' ' } else { c };
    c.to_lowercase()
}

/// The character of a number, whose digits are in this range of an escape and end it.
fn decode_digits(rest: &[char], digits: Range<usize>, radix: u32) -> Option<(String, usize)> {
    let number: String = rest.get(digits.clone())?.iter().collect();
    Some((char::from_u32(u32::from_str_radix(&number, radix).ok()?)?.to_string(), digits.end))
}

/// `&amp;`, `&#38;`, `&#x26;`; of numbers without the semicolon too, as browsers read them.
fn decode_entity(rest: &[char]) -> Option<(String, usize)> {
    if let ['&', '#', ..] = rest {
        let (from, radix) = if matches!(rest.get(2), Some('x' | 'X')) { (3, 16) } else { (2, 10) };
        let digits = rest.iter().skip(from).take(MAX_ENTITY).take_while(|c| c.is_digit(radix)).count();
        let (text, end) = decode_digits(rest, from..from + digits, radix)?;
        return Some((text, end + usize::from(rest.get(end) == Some(&';'))));
    }
    let end = rest.iter().take(MAX_ENTITY + 2).position(|c| *c == ';')?;
    let name: String = rest.get(1..end)?.iter().collect::<String>().to_ascii_lowercase();
    let c = ENTITIES.iter().find(|(own, _)| *own == name)?.1;
    Some((c.to_string(), end + 1))
}

/// As many encoded bytes as follow each other; one that is no UTF-8 stands for its character in Latin-1.
fn decode_percent(rest: &[char]) -> Option<(String, usize)> {
    let mut bytes = Vec::new();
    for triple in rest.chunks(3) {
        match triple {
            ['%', high, low] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                bytes.push(u8::try_from(high.to_digit(16)? * 16 + low.to_digit(16)?).ok()?);
            }
            _ => break,
        }
    }
    let length = 3 * bytes.len();
    let text = String::from_utf8(bytes)
        .unwrap_or_else(|error| error.as_bytes().iter().map(|byte| char::from(*byte)).collect());
    (length > 0).then_some((text, length))
}

/// `\u0041`, also as two halves.
fn decode_unicode(rest: &[char]) -> Option<(String, usize)> {
    let unit = |from: usize| {
        let digits: String = rest.get(from..from + 4)?.iter().collect();
        u16::from_str_radix(&digits, 16).ok()
    };
    let first = unit(2)?;
    if let Some(c) = char::from_u32(u32::from(first)) {
        return Some((c.to_string(), 6));
    }
    let second = unit(8).filter(|_| rest.get(6) == Some(&'\\'))?;
    Some((String::from_utf16(&[first, second]).ok()?, 12))
}

/// `\u{41}`.
fn decode_braced(rest: &[char]) -> Option<(String, usize)> {
    let end = rest.iter().take(MAX_ENTITY).position(|c| *c == '}')?;
    decode_digits(rest, 3..end, 16).map(|(text, end)| (text, end + 1))
}
