//! The inspector and the plan, tested on trees of files taken from real kernels (`tests/kernels`).

mod damaged_btf;
mod fixture;
mod kernel;
mod layout;
mod plan;
mod reduce;
mod table;
