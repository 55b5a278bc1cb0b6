//! Who is whose client, found out.
