//! From tokens to nodes.

use super::tokens::{Scanner, Token, TokenKind};
use super::{Mark, parser_error};
use crate::yaml::{Error, MAX_DEPTH};
use std::borrow::Cow;
use std::collections::HashMap;
use std::mem::discriminant;

/// Scalars, lists and maps of one document. Each takes far more room than the byte that it may be written in.
const MAX_NODES: usize = 1_000_000;

/// The nodes of one document.
pub(in crate::yaml) struct Tree<'a> {
    pub(in crate::yaml) nodes: Vec<Node<'a>>,
    pub(in crate::yaml) root: Option<usize>,
}

pub(in crate::yaml) struct Node<'a> {
    /// Counted from 1.
    pub(in crate::yaml) line: u32,
    pub(in crate::yaml) kind: NodeKind<'a>,
}

pub(in crate::yaml) enum NodeKind<'a> {
    /// `implicit` is true for a plain scalar: its text says what it is.
    Scalar {
        text: Cow<'a, str>,
        tag: String,
        implicit: bool,
    },
    Sequence(Vec<usize>),
    /// Keys and values in turn.
    Mapping(Vec<usize>),
    Alias {
        anchor: String,
        target: usize,
    },
}

impl<'a> Tree<'a> {
    /// Parses the first document; what follows it is not looked at.
    pub(in crate::yaml) fn parse(text: &'a str) -> Result<Tree<'a>, Error> {
        let mut parser = Parser { scanner: Scanner::new(text), nodes: Vec::new(), anchors: HashMap::new(), tags: Vec::new(), depth: 0 };
        let root = parser.document()?;
        Ok(Tree { nodes: parser.nodes, root })
    }
}

struct Parser<'a> {
    scanner: Scanner<'a>,
    nodes: Vec<Node<'a>>,
    anchors: HashMap<String, usize>,
    /// Tag handles and their prefixes.
    tags: Vec<(String, String)>,
    depth: usize,
}

/// The anchor and tag before a node.
struct Properties {
    anchor: Option<String>,
    tag: String,
    start: Mark,
}

impl<'a> Parser<'a> {
    fn peek(&mut self) -> Result<&TokenKind<'a>, Error> {
        self.scanner.peek().map(|token| &token.kind)
    }

    fn start(&mut self) -> Result<Mark, Error> {
        self.scanner.peek().map(|token| token.start)
    }

    fn take(&mut self) -> Result<Token<'a>, Error> {
        self.scanner.peek()?;
        self.scanner.take().ok_or_else(|| Error::yaml("unknown problem parsing YAML content"))
    }

    /// Takes a token and says where it began.
    fn take_start(&mut self) -> Result<Mark, Error> {
        self.take().map(|token| token.start)
    }

    /// Takes a token and says where it ended.
    fn take_end(&mut self) -> Result<Mark, Error> {
        self.take().map(|token| token.end)
    }

    /// Whether a token of one of these kinds, which carry nothing, comes next.
    fn at(&mut self, kinds: &[TokenKind<'a>]) -> Result<bool, Error> {
        let here = discriminant(self.peek()?);
        Ok(kinds.iter().any(|kind| discriminant(kind) == here))
    }

    fn document(&mut self) -> Result<Option<usize>, Error> {
        self.take()?;
        match self.peek()? {
            TokenKind::StreamEnd => return Ok(None),
            TokenKind::VersionDirective { .. } | TokenKind::TagDirective { .. } | TokenKind::DocumentStart => {
                self.directives()?;
                if !self.at(&[TokenKind::DocumentStart])? {
                    return Err(parser_error("did not find expected <document start>", self.start()?, None));
                }
                self.take()?;
                if matches!(
                    self.peek()?,
                    TokenKind::VersionDirective { .. }
                        | TokenKind::TagDirective { .. }
                        | TokenKind::DocumentStart
                        | TokenKind::DocumentEnd
                        | TokenKind::StreamEnd
                ) {
                    let at = self.start()?;
                    return Ok(Some(self.empty(at)));
                }
            }
            _ => self.directives()?,
        }
        let root = self.node(true, false)?;
        // goyaml wants to see where the document ends.
        self.peek()?;
        Ok(Some(root))
    }

    fn directives(&mut self) -> Result<(), Error> {
        let mut version = false;
        loop {
            let at = self.start()?;
            match self.peek()?.clone() {
                TokenKind::VersionDirective { .. } if version => return Err(parser_error("found duplicate %YAML directive", at, None)),
                TokenKind::VersionDirective { major: 1, minor: 1 } => version = true,
                TokenKind::VersionDirective { .. } => return Err(parser_error("found incompatible YAML document", at, None)),
                TokenKind::TagDirective { handle, .. } if self.tags.iter().any(|(known, _)| *known == handle) => {
                    return Err(parser_error("found duplicate %TAG directive", at, None));
                }
                TokenKind::TagDirective { handle, prefix } => self.tags.push((handle, prefix)),
                _ => break,
            }
            self.take()?;
        }
        for (handle, prefix) in [("!", "!"), ("!!", "tag:yaml.org,2002:")] {
            if !self.tags.iter().any(|(known, _)| known == handle) {
                self.tags.push((handle.to_owned(), prefix.to_owned()));
            }
        }
        Ok(())
    }

    fn add(&mut self, at: Mark, kind: NodeKind<'a>) -> usize {
        self.nodes.push(Node { line: u32::try_from(at.line + 1).unwrap_or(u32::MAX), kind });
        self.nodes.len() - 1
    }

    fn empty(&mut self, at: Mark) -> usize {
        self.add(at, NodeKind::Scalar { text: Cow::Borrowed(""), tag: String::new(), implicit: true })
    }

    fn empty_here(&mut self) -> Result<usize, Error> {
        let at = self.start()?;
        Ok(self.empty(at))
    }

    fn node(&mut self, block: bool, flush_sequence: bool) -> Result<usize, Error> {
        // What stays on the stack while children are read is kept small: nesting is up to the text.
        match self.begin(block, flush_sequence)? {
            (index, None) => Ok(index),
            (index, Some(shape)) => self.fill(index, shape),
        }
    }

    fn fill(&mut self, index: usize, shape: Shape) -> Result<usize, Error> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            let line = self.start()?.line;
            return Err(Error::yaml_at(line + 1, &format!("exceeded max depth of {MAX_DEPTH}")));
        }
        let children = match shape {
            Shape::FlushSequence => self.flush_sequence(),
            Shape::BlockSequence => self.block_sequence(),
            Shape::BlockMapping => self.block_mapping(),
            Shape::FlowSequence => self.flow_sequence(),
            Shape::FlowMapping => self.flow_mapping(),
        }?;
        self.depth -= 1;
        if let NodeKind::Sequence(list) | NodeKind::Mapping(list) = &mut self.nodes[index].kind {
            *list = children;
        }
        Ok(index)
    }

    /// A whole scalar or alias, or the start of a collection.
    fn begin(&mut self, block: bool, flush_sequence: bool) -> Result<(usize, Option<Shape>), Error> {
        if let TokenKind::Alias(anchor) = self.peek()? {
            let anchor = anchor.clone();
            let token = self.take()?;
            let target = *self.anchors.get(&anchor).ok_or_else(|| Error::yaml(format!("unknown anchor '{anchor}' referenced")))?;
            return Ok((self.add(token.start, NodeKind::Alias { anchor, target }), None));
        }
        if self.nodes.len() >= MAX_NODES {
            let line = self.start()?.line;
            return Err(Error::yaml_at(line + 1, &format!("document has more than {MAX_NODES} values")));
        }
        let Properties { anchor, tag, start } = self.properties()?;
        let token = self.scanner.peek()?;
        let (token_start, scalar) = (token.start, matches!(token.kind, TokenKind::Scalar { .. }));
        let shape = match &token.kind {
            TokenKind::BlockEntry if flush_sequence => Some(Shape::FlushSequence),
            TokenKind::FlowSequenceStart => Some(Shape::FlowSequence),
            TokenKind::FlowMappingStart => Some(Shape::FlowMapping),
            TokenKind::BlockSequenceStart if block => Some(Shape::BlockSequence),
            TokenKind::BlockMappingStart if block => Some(Shape::BlockMapping),
            _ => None,
        };
        let index = self.nodes.len();
        if !scalar && shape.is_none() && anchor.is_none() && tag.is_empty() {
            return Err(parser_error("did not find expected node content", token_start, Some(start)));
        }
        if let Some(anchor) = anchor {
            self.anchors.insert(anchor, index);
        }
        let Some(shape) = shape else {
            let (text, plain) = match scalar.then(|| self.take()).transpose()? {
                Some(Token { kind: TokenKind::Scalar { text, plain }, .. }) => (text, plain),
                _ => (Cow::Borrowed(""), true),
            };
            let implicit = plain && tag.is_empty() || scalar && tag == "!";
            return Ok((self.add(start, NodeKind::Scalar { text, tag, implicit }), None));
        };
        self.add(
            start,
            if matches!(shape, Shape::FlowMapping | Shape::BlockMapping) {
                NodeKind::Mapping(Vec::new())
            } else {
                NodeKind::Sequence(Vec::new())
            },
        );
        Ok((index, Some(shape)))
    }

    fn properties(&mut self) -> Result<Properties, Error> {
        let start = self.start()?;
        let (mut anchor, mut tag) = (None, None);
        for _ in 0..2 {
            let token = self.scanner.peek()?;
            match &token.kind {
                TokenKind::Anchor(name) if anchor.is_none() => anchor = Some(name.clone()),
                TokenKind::Tag { handle, suffix } if tag.is_none() => tag = Some((handle.clone(), suffix.clone(), token.start)),
                _ => break,
            }
            self.take()?;
        }
        let tag = match tag {
            None => String::new(),
            Some((handle, suffix, _)) if handle.is_empty() => suffix,
            Some((handle, suffix, at)) => match self.tags.iter().find(|(known, _)| *known == handle) {
                Some((_, prefix)) => format!("{prefix}{suffix}"),
                None => {
                    // goyaml looks at the next token first.
                    self.peek()?;
                    return Err(parser_error("found undefined tag handle", at, Some(start)));
                }
            },
        };
        Ok(Properties { anchor, tag, start })
    }

    fn block_sequence(&mut self) -> Result<Vec<usize>, Error> {
        let opened = self.take_start()?;
        let mut items = Vec::new();
        while self.at(&[TokenKind::BlockEntry])? {
            let end = self.take_end()?;
            items.push(if self.at(&[TokenKind::BlockEntry, TokenKind::BlockEnd])? { self.empty(end) } else { self.node(true, false)? });
        }
        self.close(TokenKind::BlockEnd, "did not find expected '-' indicator", opened)?;
        Ok(items)
    }

    /// A sequence whose entries stand at the column of the key before it.
    fn flush_sequence(&mut self) -> Result<Vec<usize>, Error> {
        let mut items = Vec::new();
        while self.at(&[TokenKind::BlockEntry])? {
            let end = self.take_end()?;
            let missing = self.at(&[TokenKind::BlockEntry, TokenKind::Key, TokenKind::Value, TokenKind::BlockEnd])?;
            items.push(if missing { self.empty(end) } else { self.node(true, false)? });
        }
        Ok(items)
    }

    fn block_mapping(&mut self) -> Result<Vec<usize>, Error> {
        const ENDS: [TokenKind<'static>; 3] = [TokenKind::Key, TokenKind::Value, TokenKind::BlockEnd];
        let opened = self.take_start()?;
        let mut pairs = Vec::new();
        while self.at(&[TokenKind::Key])? {
            let end = self.take_end()?;
            pairs.push(if self.at(&ENDS)? { self.empty(end) } else { self.node(true, true)? });
            if self.at(&[TokenKind::Value])? {
                let end = self.take_end()?;
                pairs.push(if self.at(&ENDS)? { self.empty(end) } else { self.node(true, true)? });
            } else {
                pairs.push(self.empty_here()?);
            }
        }
        self.close(TokenKind::BlockEnd, "did not find expected key", opened)?;
        Ok(pairs)
    }

    fn close(&mut self, kind: TokenKind<'a>, problem: &str, opened: Mark) -> Result<(), Error> {
        if !self.at(&[kind])? {
            return Err(parser_error(problem, self.start()?, Some(opened)));
        }
        self.take()?;
        Ok(())
    }

    fn flow_sequence(&mut self) -> Result<Vec<usize>, Error> {
        const END: TokenKind<'static> = TokenKind::FlowSequenceEnd;
        let opened = self.take_start()?;
        let mut items: Vec<usize> = Vec::new();
        while !self.at(&[END])? {
            if !items.is_empty() {
                self.close(TokenKind::FlowEntry, "did not find expected ',' or ']'", opened)?;
            }
            if self.at(&[TokenKind::Key])? {
                let pair = self.flow_pair()?;
                items.push(pair);
            } else if !self.at(&[END])? {
                items.push(self.node(false, false)?);
            }
        }
        self.take_end()?;
        Ok(items)
    }

    /// `a: b` as an item of a flow sequence: a mapping of one entry.
    fn flow_pair(&mut self) -> Result<usize, Error> {
        const ENDS: [TokenKind<'static>; 2] = [TokenKind::FlowEntry, TokenKind::FlowSequenceEnd];
        let start = self.take_start()?;
        let index = self.add(start, NodeKind::Mapping(Vec::new()));
        let key = if self.at(&[TokenKind::Value, TokenKind::FlowEntry, TokenKind::FlowSequenceEnd])? {
            // goyaml steps over this token, whatever it is.
            let end = self.take_end()?;
            self.empty(end)
        } else {
            self.node(false, false)?
        };
        let mut value = None;
        if self.at(&[TokenKind::Value])? {
            self.take_end()?;
            if !self.at(&ENDS)? {
                value = Some(self.node(false, false)?);
            }
        }
        let value = match value {
            Some(value) => value,
            None => self.empty_here()?,
        };
        self.nodes[index].kind = NodeKind::Mapping(vec![key, value]);
        Ok(index)
    }

    fn flow_mapping(&mut self) -> Result<Vec<usize>, Error> {
        const END: TokenKind<'static> = TokenKind::FlowMappingEnd;
        let opened = self.take_start()?;
        let mut pairs: Vec<usize> = Vec::new();
        while !self.at(&[END])? {
            if !pairs.is_empty() {
                self.close(TokenKind::FlowEntry, "did not find expected ',' or '}'", opened)?;
            }
            let mut value = None;
            if self.at(&[TokenKind::Key])? {
                self.take_end()?;
                if self.at(&[TokenKind::Value, TokenKind::FlowEntry, END])? {
                    pairs.push(self.empty_here()?);
                } else {
                    pairs.push(self.node(false, false)?);
                }
                if self.at(&[TokenKind::Value])? {
                    self.take_end()?;
                    if !self.at(&[TokenKind::FlowEntry, END])? {
                        value = Some(self.node(false, false)?);
                    }
                }
            } else if self.at(&[END])? {
                break;
            } else {
                pairs.push(self.node(false, false)?);
            }
            let value = match value {
                Some(value) => value,
                None => self.empty_here()?,
            };
            pairs.push(value);
        }
        self.take_end()?;
        Ok(pairs)
    }
}

enum Shape {
    FlushSequence,
    BlockSequence,
    BlockMapping,
    FlowSequence,
    FlowMapping,
}
