//! The plan for people, and for programs.
