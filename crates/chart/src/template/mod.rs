//! Go text/template: lexer, parser, executor and functions.
