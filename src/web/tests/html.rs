//! Just enough of an HTML parser to ask questions of our own well-formed pages; it refuses tags that do not match.

const VOID: &[&str] = &["br", "input", "link", "meta", "use", "path", "wbr", "col"];

#[derive(Debug, Default)]
pub(super) struct Node {
    pub(super) tag: String,
    pub(super) attributes: Vec<(String, String)>,
    children: Vec<Child>,
}

#[derive(Debug)]
enum Child {
    Node(Node),
    Text(String),
}

impl Node {
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn has_class(&self, class: &str) -> bool {
        self.attribute("class").is_some_and(|all| all.split(' ').any(|c| c == class))
    }

    pub(super) fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.children.iter().filter_map(|child| match child {
            Child::Node(node) => Some(node),
            Child::Text(_) => None,
        })
    }

    /// Every node below, in the order of the page.
    pub(super) fn all(&self) -> Vec<&Node> {
        let mut out = Vec::new();
        for node in self.nodes() {
            out.push(node);
            out.extend(node.all());
        }
        out
    }

    pub(super) fn tags(&self, tag: &str) -> Vec<&Node> {
        self.all().into_iter().filter(|n| n.tag == tag).collect()
    }

    pub(super) fn classes(&self, class: &str) -> Vec<&Node> {
        self.all().into_iter().filter(|n| n.has_class(class)).collect()
    }

    pub(super) fn id(&self, id: &str) -> &Node {
        self.all().into_iter().find(|n| n.attribute("id") == Some(id)).unwrap_or_else(|| panic!("nothing has the id {id}"))
    }

    /// The text below, with single spaces.
    pub(super) fn text(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    fn write(&self, out: &mut String) {
        for child in &self.children {
            match child {
                Child::Text(text) => out.push_str(text),
                Child::Node(node) => {
                    node.write(out);
                    out.push(' ');
                }
            }
        }
    }
}

pub(super) fn parse(page: &str) -> Node {
    let mut stack = vec![Node::default()];
    let mut rest = page;
    while let Some(at) = rest.find('<') {
        text(&mut stack, &rest[..at]);
        let end = rest[at..].find('>').expect("a tag ends") + at;
        let (inside, tail) = (&rest[at + 1..end], &rest[end + 1..]);
        rest = tail;
        if inside.starts_with('!') {
            continue;
        }
        if let Some(name) = inside.strip_prefix('/') {
            let done = stack.pop().expect("an open element");
            assert_eq!(done.tag, name, "tags match near …{}", &page[page.len() - rest.len()..].chars().take(80).collect::<String>());
            stack.last_mut().expect("a parent").children.push(Child::Node(done));
            continue;
        }
        let node = open(inside);
        if VOID.contains(&node.tag.as_str()) && !rest.starts_with(&format!("</{}>", node.tag)) {
            stack.last_mut().expect("a parent").children.push(Child::Node(node));
        } else {
            stack.push(node);
        }
    }
    text(&mut stack, rest);
    assert_eq!(stack.len(), 1, "every element is closed: {:?}", stack.iter().map(|n| &n.tag).collect::<Vec<_>>());
    stack.pop().expect("the root")
}

fn text(stack: &mut [Node], text: &str) {
    if !text.is_empty() {
        stack.last_mut().expect("a parent").children.push(Child::Text(unescape(text)));
    }
}

fn open(inside: &str) -> Node {
    let (tag, mut rest) = inside.split_once(' ').unwrap_or((inside, ""));
    let mut attributes = Vec::new();
    while !rest.trim().is_empty() {
        rest = rest.trim_start();
        let name_end = rest.find(['=', ' ']).unwrap_or(rest.len());
        let (name, tail) = rest.split_at(name_end);
        match tail.strip_prefix("=\"") {
            Some(tail) => {
                let (value, tail) = tail.split_once('"').expect("a quoted value");
                attributes.push((name.to_owned(), unescape(value)));
                rest = tail;
            }
            None => {
                assert!(!tail.starts_with('='), "values are quoted: {inside}");
                attributes.push((name.to_owned(), String::new()));
                rest = tail;
            }
        }
    }
    Node { tag: tag.to_owned(), attributes, children: Vec::new() }
}

fn unescape(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
}
