//! What holds for the code as a whole: who may use whom, and what it can say.

mod rooms;
mod sentences;
mod tree;
