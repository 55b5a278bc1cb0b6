//! What holds for the code as a whole: who may use whom.

mod rooms;
mod tree;
