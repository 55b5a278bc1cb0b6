//! One line of a session, whatever it is: what is understood must be written and read again as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nfsgrace::record::{decode, decode_thoroughly, encode};

fuzz_target!(|line: &[u8]| {
    let decoded = decode(line);
    if let Ok(text) = std::str::from_utf8(line) {
        assert_eq!(format!("{decoded:?}"), format!("{:?}", decode_thoroughly(text)));
    }
    match decoded {
        Ok(decoded) => {
            let mut written = Vec::new();
            encode(&decoded.line, &mut written);
            let again = decode(&written).expect("what this program writes it reads");
            assert_eq!(again.line, decoded.line);
        }
        Err(why) => assert!(why.to_string().len() < 1_000),
    }
});
