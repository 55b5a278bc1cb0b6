//! The clock code against worlds whose clocks are known.

mod lines;
mod who;
mod world;
