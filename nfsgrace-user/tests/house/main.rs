//! What holds for the code as a whole: who may use whom, what it can say, and whether what is told about it is true.

mod examples;
mod rooms;
mod sentences;
mod tree;
