//! The words that cases are made of.

/// Arguments by the letters of `signatures.rs`.
pub(crate) fn of(letter: char) -> &'static [&'static str] {
    match letter {
        'b' => &["true", "false", ".Values.b", "(eq 1 1)", "(not .)", "(empty \"\")"],
        'c' => CONSTRAINTS,
        'd' => DATES,
        'D' => DURATIONS,
        'e' => BASE64,
        'f' => NUMBERS,
        'j' => JSON,
        'k' => KEYS,
        'L' => LAYOUTS,
        'n' => SIZES,
        'p' => PATHS,
        'P' => TEMPLATES,
        'q' => &["\"rsa\"", "\"ecdsa\"", "\"ed25519\"", "\"dsa\"", "\"nope\"", "\"\""],
        'r' => PATTERNS,
        'R' => &["\"x\"", "\"\"", "\"$1\"", "\"${1}y\"", "\"$1y\"", "\"$$\"", "\"$\"", "\"${n}\"", "\"\\\\1\"", "\"$0-$2\"", "\"${\""],
        't' => TOML,
        'T' => TYPES,
        'u' => URLS,
        'v' => VERSIONS,
        'x' => FORMATS,
        'y' => YAML,
        'z' => &["\"UTC\"", "\"Local\"", "\"\"", "\"Europe/Berlin\"", "\"America/New_York\"", "\"Asia/Kolkata\"", "\"Nowhere/At/All\"", "\"utc\""],
        '1' => &["(dict \"k\" 1)", "(dict)", "(dict \"\" nil)", "(dict \"a b\" \"v\")"],
        _ => ODD,
    }
}

/// Values of types that templates rarely meet.
pub(crate) const ODD: &[&str] = &[
    "nil", ".Values.nope", "(.Values.nope)", "$.Values.nope", "true", "false", ".", "$", "(list)", "(dict)", "\"\"", "0", "0.0", "(int 5)",
    "(int64 5)", "(float64 \"1.5\")", "(toDecimal \"17\")", "(splitList \",\" \"a,b\")", "(split \",\" \"a,b\")", "(toStrings (list 1 nil \"x\"))",
    "(until 3)", "(semver \"1.2.3-rc.1+b\")", "(toDate \"2006-01-02\" \"2020-02-29\")", "(mustToDate \"2006-01-02 15:04\" \"2020-02-29 13:14\")",
    "(fromYaml \"a: 1\\nb: [x]\")", "(fromYaml \"[\")", "(fromYamlArray \"- 1\\n- a\")", "(fromJson \"{\\\"a\\\": 1.5}\")", "(regexFindAll \"[a-z]\" \"abc\" -1)",
    "(urlParse \"http://u:p@h:1/p?q#f\")", "(chunk 2 (list 1 2 3))", "(b64dec \"/////w==\")", "(list nil | first)", "(dict \"a\" nil).a", "(list 1 nil \"a\")",
    "(list (list 1) (dict \"a\" 1))", "(tuple 1 2)", "(printf \"%c\" 0)", "(get . \"nope\")", "(index .Values \"nope\")", "(first .Values.l)", "(.Values.l | last)",
    "(index .Values.l 0)", "(coalesce nil)", "(ternary nil 1 true)", "(dict \"nope\" nil).nope", "(fromToml \"a = 1\\nd = 2020-01-01\")", "(seq 1 3)",
    "(float64 \"NaN\")", "(divf 1 3)", "(float64 \"inf\")", "(div 7 2)", "(default nil)", "(and)", "'a'", "`raw \\n`", "(len \"abc\")", "(list \"a\" \"b\").x",
    "(unixEpoch (toDate \"2006-01-02\" \"2020-02-29\"))", "(int64 \"9223372036854775807\")", "(1)", "(\"s\")", "(nil)", "(.)", "($)", "(list 1.0 2)", "(dict 1 2)",
    "(printf \"%s\" (list))", "(dict \"a\" (dict \"b\" (dict \"c\" 1)))", "(deepCopy .Values.m)", "(.Values.s | quote)", "(index . \"Values\")", "(include \"c.one\" .)",
    "(tpl \"{{ .s }}\" .Values)", "(.Values.m | toYaml)", "(toJson .Values.l)", "(kindOf .)", "(mustFromJson \"[1, null, true, \\\"a\\\"]\")", "(mustFromJson \"null\")",
];

/// Objects that Helm gives to templates.
pub(crate) const OBJECTS: &[&str] = &[
    ".Chart", ".Chart.Name", ".Chart.Version", ".Chart.AppVersion", ".Chart.Keywords", ".Chart.Annotations", ".Chart.IsRoot", ".Chart.Maintainers", ".Chart.Nope",
    ".Chart.Dependencies", ".Chart.Deprecated", ".Chart.KubeVersion", ".Files", "(.Files.Get \"a.txt\")", "(.Files.Get \"nope\")", "(.Files.GetBytes \"a.txt\")",
    "(.Files.GetBytes \"nope\")", "(.Files.Lines \"a.txt\")", "(.Files.Lines \"crlf.txt\")", "(.Files.Glob \"conf/*\")", "(.Files.Glob \"**\")", "(.Files.Glob \"[\")",
    "(.Files.Glob \"{a,crlf}.txt\").AsConfig", "(.Files.Glob \"conf/**\").AsSecrets", "(.Files.Glob \"nope\").AsConfig", "(.Files.AsConfig)", "(.Files.Get)",
    "(.Files.Get \"a.txt\" \"b\")", "(.Files.Get 1)", "(.Files.Get nil)", "(.Files.Nope)", ".Files.nope", "(index .Files \"a.txt\")", ".Capabilities.KubeVersion",
    ".Capabilities.KubeVersion.Version", ".Capabilities.KubeVersion.Major", ".Capabilities.KubeVersion.GitVersion", ".Capabilities.KubeVersion.String",
    ".Capabilities.APIVersions", "(.Capabilities.APIVersions.Has \"apps/v1\")", "(.Capabilities.APIVersions.Has \"nope\")", "(.Capabilities.APIVersions.Has)",
    "(.Capabilities.APIVersions.Has 1)", "(index .Capabilities.APIVersions 0)", ".Capabilities.HelmVersion.Version", ".Capabilities.Nope", ".Release", ".Release.Name",
    ".Release.Revision", ".Release.IsInstall", ".Release.Service", ".Release.Nope", ".Release.Name.x", ".Template", ".Template.Name", ".Template.BasePath", ".Subcharts",
    ".Values", ".Values.AsMap", "(.Values.Table \"m\")", "(.Values.Table \"nope\")", "(.Values.PathValue \"m.a\")", "(.Values.PathValue \"m.nope\")", ".Nope", "$.Chart.Name",
    "$.Release", "(.Values.YAML)", ".Values.AsMap.s", "(.Values.YAML 1)", ".Capabilities", ".Capabilities.HelmVersion.GitCommit",
];

/// Paths into the values.
pub(crate) const VALUES: &[&str] = &[
    ".Values.s", ".Values.n", ".Values.b", ".Values.l", ".Values.m", ".Values.w", ".Values.e", ".Values.m.a", ".Values.m.b", ".Values.m.d", ".Values.m.d.k", ".Values.w.a",
    ".Values.nope.x", ".Values.s.x", ".Values.l.x", "(index .Values \"m\" \"c d\")", "(index .Values.l 1)", "$.Values.w", "(.Values.m).a", "(.Values.nope).x", ".Values.e.x",
    "(get .Values \"m\").a", ".m.a", ".a", ".Values.m.nope.x",
];

pub(crate) const NUMBERS: &[&str] = &[
    "0", "1", "-1", "2", "3", "+7", "42", "-0", "1.5", "-2.5", "0.1", "1e3", "1E-7", "1e21", "1e100", "123456789", "1000000.0", "0x1F", "0X_1f", "0b101", "0o17", "017", "1_000",
    "1__0", "0x1p-2", "9223372036854775807", "-9223372036854775808", "9223372036854775808", "18446744073709551615", "18446744073709551616", "'a'", "'\\n'", "'\\''", "'é'",
    "'\\u00e9'", "'ab'", "1.", ".5", "0x.8p1", "1e", "0x", "08", "1.7976931348623157e308", "5e-324", "0.30000000000000004", "1i", "2147483648", "-2147483649", "4294967296",
    "3.0", "2.5", "1.005", "100000", "1e6", "0.0001", "0.00001", "99999.5", "(int 3)", "(int64 -4)", "(float64 2.5)", "\"12\"", "\"1.5\"", "\"0x10\"", "\"010\"", "\" 1\"", "\"1_000\"",
    "\"-3\"", "\"+3\"", "\"1e3\"", "\"abc\"", "true", "\"08\"", "\"9223372036854775808\"", "\"0b11\"", "\"0o17\"", "\".5\"", "\"NaN\"", "\"Inf\"",
];

const SIZES: &[&str] = &[
    "0", "1", "2", "3", "4", "5", "7", "10", "20", "-1", "-2", "-5", "1.0", "'\\t'", "(int 2)", "(int 2.9)", "0x3", "1e1", "(len \"abc\")", "2.5", "(int64 2)", ".Values.n",
    "(.Values.n | int)", "\"3\"", "100",
];

pub(crate) const STRINGS: &[&str] = &[
    "\"\"", "\" \"", "\"a\"", "\"abc\"", "\"Hello World\"", "\"hello_world-fooBar baz\"", "\"  padded \\t\"", "\"ÄÖü ß ñ\"", "\"日本語テスト\"", "\"😀 e\\u0301 \\u200b\"", "\"a,b,,c\"",
    "\"line1\\nline2\\n\"", "\"line1\\r\\nline2\"", "\"\\n\\n\"", "\"tab\\there\"", "\"'single' \\\"double\\\"\"", "\"<a href='x'>&amp;</a>\"", "`back\\slash`", "`raw\nline`", "\"true\"", "\"null\"",
    "\"123\"", "\"1.50\"", "\"1e3\"", "\"-0\"", "\"a: b\"", "\"- x\"", "\"{a: 1}\"", "\"[1, 2]\"", "\"# no comment\"", "\"%s %d\"", "\"$1 ${2}\"", "\"\\x00\\x01\\x7f\"", "\"\\xff\\xfe\"", "\"HTTPServer2Go\"",
    "\"XMLHttpRequest\"", "\"foo bar foo\"", "\"aaaa\"", "\"éa\"", "\"the quick brown fox jumps over the lazy dog\"", "\"ﬁ ŉ ǆ ſ İ ı\"", "\"\\u2028\\u2029\\ufeff\"", "\"a/b/../c.tar.gz\"", "\"*\"", "\"!x\"",
    "\"&x\"", "\"@x\"", "\"x y\\nz\\n\\n\"", "\" lead\\n  more\"", "\"2020-01-01\"", "\"12:30:45\"", "\"0o17\"", "\"0x1F\"", "\"yes\"", "\"~\"", "\"=\"", "\"<<\"", "\"<no value>\"",
    "(repeat 30 \"word \")", "(repeat 3 \"ab\")", "\"a\\\\b\"", "\"\\a\\b\\f\\v\"", "\"\\u00a0nbsp\"", "\"A1b2 C3\"", "\"a.b.c\"", "\"K8s\"", "\"_x__y_\"", "\"--a--b\"", "\"ΑΣ Σ\"", "\"ａ\"",
];

pub(crate) const LISTS: &[&str] = &[
    "(list)", "(list 1 2 3)", "(list \"b\" \"a\" \"c\")", "(list 1 1.0 \"1\" nil true)", "(list nil)", "(list nil nil)", "(list \"\" 0 false)", "(list (list 1 2) (list 3))",
    "(splitList \",\" \"b,a,,b\")", "(until 4)", "(untilStep 0 10 3)", "(toStrings (list 3 1 2))", "(.Files.Lines \"a.txt\")", ".Capabilities.APIVersions", "(list (dict \"a\" 1) (dict \"a\" 1))",
    "(fromYamlArray \"[1, a, null, {b: 2}]\")", "(regexSplit \",\" \"x,y,z\" -1)", "(chunk 2 (list 1 2 3))", "(.Files.GetBytes \"a.txt\")", ".Chart.Keywords", "\"abc\"", "nil", "(mustFromJson \"[3, 1, 2]\")",
    "(list 3 1 2 10)", "(list \"B\" \"a\" \"C\" \"é\")", "(list 1 2 2 1 3)", "(tuple \"x\" 1)", "(regexFindAll \"a\" \"b\" -1)",
];

pub(crate) const MAPS: &[&str] = &[
    "(dict)", "(dict \"a\" 1 \"b\" \"x\")", "(dict \"a\" nil)", "(dict \"b\" (dict \"c\" (list 1 2)) \"a\" 1)", "(dict \"\" 1)", "(dict 1 2)", "(dict \"a\" 1 \"a\" 2)", "(dict \"x.y\" 1 \"x y\" 2)",
    "(split \",\" \"a,b\")", "(fromYaml \"a: 1\\nb: {c: d}\\nl: [1]\")", "(fromJson \"{\\\"z\\\": null, \\\"a\\\": [1.5]}\")", "(fromYaml \"- 1\")", ".Chart", ".Chart.Annotations", ".Files", ".Values", "(.Values.AsMap)", "nil",
    "(urlParse \"https://u:p@h.x:8/p/q?a=b#f\")", "(dict \"scheme\" \"http\" \"host\" \"h:80\" \"path\" \"/a b\" \"query\" \"x=1\" \"fragment\" \"f\" \"userinfo\" \"u:p\")", "(deepCopy .Values.m)", ".Release",
    "(dict \"a\" 1 \"a10\" 1 \"a9\" 1 \"B\" 1 \"_\" 1)", "(dict \"a\" false \"b\" 0 \"c\" \"\")", "(dict \"k\" (dict \"x\" 1))", "(dict \"k\" (dict \"x\" 2 \"y\" 3))", "(dict \"a\")", "(dict \"f\" 1.0 \"i\" (int64 2) \"t\" true)",
    ".Subcharts", "(merge (dict) .Values.m)", "(omit .Values.m \"a\")",
];

pub(crate) const KEYS: &[&str] = &["\"a\"", "\"b\"", "\"c\"", "\"k\"", "\"x.y\"", "\"\"", "\"c d\"", "\"1\"", "\"nope\"", "\"scheme\"", "\"d\"", "1"];

const BASE64: &[&str] = &[
    "\"aGVsbG8=\"", "\"aGVsbG8\"", "\"!!\"", "\"\"", "\"/////w==\"", "\"NBSWY3DP\"", "\"NBSWY3DPEB3W64TMMQ======\"", "\"a\"", "\"aGVs\\nbG8=\"", "(b64enc \"x\")", "(b32enc \"xy\")", "\"nbswy3dp\"", "\"====\"",
    "\"AA=\"", "\"30tEfhuJSVRhpG97XCuWgz2okj7L8vQ1s6V9zVUPeDQ=\"",
];

const CONSTRAINTS: &[&str] = &[
    "\">=1.2.3\"", "\"^1.2\"", "\"~1.2.3\"", "\">=1.19-0\"", "\"1.x\"", "\"*\"", "\"\"", "\"1.2 - 1.4\"", "\"<2.0.0 || >3\"", "\"!=1.2.3\"", "\"= 1.2.3\"", "\"=>1\"", "\"> 1.2, < 2\"", "\"^0.0.1\"", "\"^0\"", "\"~0\"", "\"~>1.2\"",
    "\"nope\"", "\"1.2.3.4\"", "\">=v1.2\"", "\"1.2.x\"", "\">1.x\"", "\"<=1.2\"", "\">= 1.2.3-beta.1\"", "\"01.2\"", "\"^1.2.3-alpha\"", "\">1 <2\"", "\"1,2\"", "\"||\"", "\"latest\"",
];

const VERSIONS: &[&str] = &[
    "\"1.2.3\"", "\"v1.2.3\"", "\"1.2\"", "\"1\"", "\"1.2.3-rc.1\"", "\"1.2.3+b\"", "\"1.2.3-rc.1+b.7\"", "\"\"", "\"x\"", "\"1.2.3.4\"", "\"01.2.3\"", "\"1.2.3-01\"", "\"v1\"", "\"0.0.1\"", "\"1.20.15-gke.100\"", "\"2.0.0-0\"",
    ".Capabilities.KubeVersion.Version", ".Chart.Version", "\"99999999999999999999.1.1\"", "\"1.2.-3\"", "\" 1.2.3\"", "\"1.2.3-é\"",
];

const DATES: &[&str] = &[
    "(toDate \"2006-01-02\" \"2020-02-29\")", "(mustToDate \"2006-01-02T15:04:05Z07:00\" \"2021-12-31T23:59:58+02:00\")", "(toDate \"2006-01-02\" \"x\")", "0", "1234567890", "(int64 1234567890)", "-1", "(int 86399)",
    "(toDate \"15:04\" \"13:37\")", "(dateModify \"-1h\" (toDate \"2006-01-02\" \"2020-03-01\"))", "(toDate \"2006-01-02 MST\" \"2020-06-01 CET\")",
];

const DURATIONS: &[&str] = &[
    "\"1h\"", "\"-1.5h\"", "\"2h45m10s\"", "\"100\"", "\"0\"", "\"1d\"", "\"\"", "\"1us\"", "\"3ms\"", "\"8760h\"", "\"2562047h48m\"", "95", "\"95\"", "(int64 3600)", "1.5", "\"+5m\"", "\"-.5s\"", "\"1h1\"", "\"36h\"", "\"800h\"",
    "(toDate \"2006-01-02\" \"2020-02-29\")",
];

const LAYOUTS: &[&str] = &[
    "\"2006-01-02\"", "\"2006-01-02T15:04:05Z07:00\"", "\"Mon Jan _2 15:04:05 2006\"", "\"02 Jan 06 15:04 MST\"", "\"Monday, January 2\"", "\"3:04PM\"", "\"20060102150405\"", "\"\"", "\"x\"", "\"15:04:05.000\"", "\"002 .999 -0700\"", "\"2006-01-02 15:04\"",
    "\"06/1/2 3pm ,999999999\"",
];

const PATHS: &[&str] = &[
    "\"\"", "\".\"", "\"/\"", "\"a/b/c.txt\"", "\"/a//b/./c/../d\"", "\"..\"", "\"a/\"", "\"//\"", "\".tar.gz\"", "\"a.\"", "\"../../x.y\"", "\"/..\"", "\"C:\\\\x\\\\y.z\"", "\"é/ü.ö\"", "\"a/b.c/d\"", ".Values.s",
];

const PATTERNS: &[&str] = &[
    "\"a\"", "\"[a-z]+\"", "\"(\\\\w+)\\\\s(\\\\w+)\"", "\"^$\"", "\"\"", "\"a*\"", "\"(?i)HELLO\"", "\"(?P<n>b)\"", "\"\\\\d{2,}\"", "\"[\"", "\"(\"", "\"a**\"", "\"\\\\pL+\"", "\"(?s).+\"", "\".\"", "\"\\\\b\"", "\"[[:alpha:]]\"", "\"x{1001}\"", "\"(?<n>a)\"",
    "\"\\\\Qa.b\\\\E\"", "\"(?m)^l\"", "\",\"", "\"(a)|(b)\"", "\"[^a-c]\"", "\"(?=a)\"", "\"\\\\1\"", "\"a{,2}\"", "\"a{2}\"", "\"\\\\z\"", "\"\\\\C\"", "\"[a\"", "\"a)\"", "\"*\"", "\"\\\\\"", "\"[z-a]\"", "\"(?z)\"", "\"\\\\pX\"", "\"o*?\"", "\"a|\"", "\"\\\\x{61}\"",
    "\"[[:foo:]]\"", "\"(?P<n>\"", "\"(?P<>a)\"", "\"\\\\8\"", "\"é\"", "\"\\\\s+$\"", "\"(foo|ba[rz])\"", "\"(?U)a+\"", "\"a{2,1}\"", "\"(?i:A)b\"", "\"\\\\W\"", "\"x?\"", "`\\d`",
];

const TYPES: &[&str] = &[
    "\"string\"", "\"int\"", "\"int64\"", "\"float64\"", "\"map\"", "\"slice\"", "\"bool\"", "\"invalid\"", "\"map[string]interface {}\"", "\"[]interface {}\"", "\"chartutil.Values\"", "\"*chart.Metadata\"", "\"struct\"", "\"ptr\"", "\"<nil>\"", "\"[]string\"",
    "\"time.Time\"", "\"semver.Version\"", "\"\"", "\"interface\"", "\"engine.files\"",
];

const URLS: &[&str] = &[
    "\"http://u:p@h.example:80/p/a th?q=1&r#frag\"", "\"\"", "\"mailto:a@b\"", "\"/only/path\"", "\"//h/p\"", "\"http://[::1]:80/\"", "\"http://[::1\"", "\"http://h:x/\"", "\":\"", "\"http://a b/\"", "\"http://h/%zz\"", "\"http://h/%41?%41#%41\"", "\"a:b:c\"",
    "\"1http://h\"", "\"http://h?\"", "\"http://h#\"", "\"HTTP://H/é\"", "\"http://u@h\"", "\"http://u:@h\"", "\"http://\\x01\"", "\"?q\"", "\"x://h/a%2Fb\"", "\"http://h%41/\"", "\"*\"",
];

const FORMATS: &[&str] = &[
    "\"%v\"", "\"%+v\"", "\"%#v\"", "\"%T\"", "\"%d\"", "\"%s\"", "\"%q\"", "\"%x\"", "\"%X\"", "\"%o\"", "\"%O\"", "\"%b\"", "\"%c\"", "\"%U\"", "\"%#U\"", "\"%e\"", "\"%E\"", "\"%g\"", "\"%G\"", "\"%f\"", "\"%5.2f\"", "\"%-8s|\"", "\"%8s|\"", "\"%05d\"", "\"%+d\"", "\"% d\"", "\"%x\"",
    "\"% x\"", "\"%#x\"", "\"%t\"", "\"%%\"", "\"%!\"", "\"%\"", "\"%z\"", "\"%[2]v %[1]v\"", "\"%[3]v\"", "\"%[x]v\"", "\"%*d\"", "\"%.2s\"", "\"%.q\"", "\"%+q\"", "\"%#q\"", "\"%s %s\"", "\"%v %v %v\"", "\"plain\"", "\"%.3v\"", "\"%6v|\"", "\"%-6v|\"", "\"%06.2f\"", "\"%+.1e\"", "\"%#g\"",
    "\"%#o\"", "\"%w\"", "\"%.0f\"", "\"%10.3v|\"", "\"%[1]T %[1]v\"", "\"é%vü\"", "\"%08b\"", "\"%-010d|\"", "\"% +d\"", "\"%+-5d|\"", "\"%x %X\"", "\"%6.3d|\"", "\"%.*f\"", "\"%s\\n\"", "\"%p\"", "\"%#t\"", "\"%5t\"", "\"%5q\"", "\"%#5x\"",
];

const JSON: &[&str] = &[
    "\"{}\"", "\"[]\"", "\"{\\\"a\\\": 1, \\\"b\\\": [true, null, 1e3]}\"", "\"null\"", "\"1\"", "\"{\"", "\"\"", "\"[1,]\"", "\"{\\\"a\\\": 1, \\\"a\\\": 2}\"", "`{\"u\": \"\\u00e9\\ud83d\\ude00\\ud800\"}`", "\"nul\"", "\"[1] x\"", "\"{a: 1}\"", "\"[1e400]\"", "\"[12345678901234567890]\"", "\"'a'\"",
    "`[\"\\x\"]`", "\"[\\\"\\t\\\"]\"", "\"[01]\"", "\"[-]\"", "\" [ 1 , 2 ] \"", "\"true\"", "`\"s\"`", "\"[1 2]\"", "\"{\\\"a\\\" 1}\"", "\"{\\\"a\\\":}\"", "\"{1: 2}\"", "\"[.5]\"", "\"[1.]\"", "`[\"<>&\"]`", "\"{,}\"", "\"[[[]]]\"", "\"tru\"", "\"[\\\"\"", "\"[-0, 1.0]\"",
];

const YAML: &[&str] = &[
    "\"a: 1\"", "\"a: [1, 2\"", "\"- a\\n- b: c\\n\"", "\"\"", "\"null\"", "\"a: yes\\nb: 0777\\nc: 1_000\\nd: 1:30\"", "\"a: &x {k: v}\\nb: *x\\nc: {<<: *x, z: 1}\"", "\"a: b: c\"", "\"\\ta: 1\"", "\"a: |\\n  x\\n  y\\n\"", "\"a: >-\\n  x\\n  y\\n\\n  z\\n\"", "\"a: 'it''s'\"", "\"? a\\n: b\"", "\"a: 1\\na: 2\"",
    "\"--- \\na: 1\\n---\\nb: 2\"", "\"a: !!str 1\"", "\"a: !!binary aGk=\"", "\"a: *nope\"", "\"{a: 1, b}\"", "\"a: 2020-01-01\"", "\"1: a\\ntrue: b\\nnull: c\"", "\"a: .inf\"", "\"a: .nan\"", "\"a: 1e400\"", "\"a: 0x1F\\nb: 0b11\\nc: 0o17\"", "\"%YAML 1.1\\n---\\na: 1\"", "\"a:\\n- 1\\n- 2\\nb:\"", "\"@a\"", "\"a: \\\"\\\\x41\\\\u00e9\\\\n\\\"\"",
    "\"plain\"", "\"[a, {b: c}, [d]]\"", "\"a: 12345678901234567890\"", "\"a: -0\\nb: -0.0\\nc: 1.0\"", "\"[a]: b\"", "\"{a: b}: c\"", "\"a: ~\\nb: Null\\nc: NULL\"", "(toYaml .Values.m)", "(toYaml .Values)", "\"# only\"", "\"a: 1 # c\\n#d\\nb: 2\"",
];

const TOML: &[&str] = &[
    "\"a = 1\"", "\"a = \\\"x\\\"\\n[b]\\nc = [1, 2]\"", "\"\"", "\"a = \"", "\"[a\"", "\"a = 1\\na = 2\"", "\"a.b.c = true\"", "\"[[x]]\\ny = 1\\n[[x]]\\ny = 2\"", "\"a = 1.5e3\\nb = 0x1F\\nc = 1_000\\nd = inf\"", "\"a = 'lit'\"", "\"a = \\\"\\\"\\\"\\nm\\n\\\"\\\"\\\"\"", "\"a = {x = 1, y = \\\"z\\\"}\"", "\"= 1\"", "\"a b = 1\"", "\"# c\\n\"",
    "\"a = 2020-01-01T00:00:00Z\"", "\"a = 2020-01-01\"", "\"a = 12:30:00\"", "\"a = nope\"", "(toToml .Values.m)", "\"a = [1, \\\"x\\\"]\"", "\"a = +1\"", "\"a = \\\"\\\\u00e9\\\\n\\\"\"",
];

const TEMPLATES: &[&str] = &[
    "\"{{ .Values.s }}\"", "\"{{ . }}\"", "\"plain\"", "\"\"", "\"{{\"", "\"{{ .nope }}\"", "\"{{ .nope.x }}\"", "\"{{ include \\\"c.one\\\" . }}\"", "\"{{ define \\\"t\\\" }}x{{ end }}{{ template \\\"t\\\" }}\"", "\"{{ fail \\\"f\\\" }}\"", "\"{{ nope }}\"", "\"{{ $x := 1 }}{{ $x }}\"", "\"{{ tpl \\\"{{ . }}\\\" . }}\"", "\"{{ $ | toJson | len }}\"",
    "\"a\\n{{ required \\\"r\\\" nil }}\"", "\"{{ end }}\"", ".Values.s", "\"{{ range . }}{{ . }},{{ end }}\"", "`{{ \"x\" | quote }}`", "\"{{ template \\\"c.none\\\" }}\"", "\"{{ .Template.Name }}\"", "\"{{ define \\\"c.one\\\" }}new{{ end }}{{ include \\\"c.one\\\" . }}\"",
];

pub(crate) const TO_STRING: &[&str] = &["toString", "toJson", "toYaml", "quote", "typeOf", "kindOf", "print", "printf \"%v\"", "println", "cat \"x\"", "html", "js", "toPrettyJson", "toYamlPretty", "squote"];

pub(crate) const STRING_PIPES: &[&str] = &[
    "toString", "len", "indent 2", "nindent 4", "trunc 5", "upper", "b64enc", "sha256sum", "printf \"%q\"", "default \"d\"", "toRawJson", "toPrettyJson", "toYamlPretty", "kindOf", "trim", "replace \"a\" \"b\"", "print", "html", "js", "urlquery", "squote", "fromYaml",
    "fromJson", "first", "last", "reverse", "join \",\"", "toToml", "deepCopy", "keys | sortAlpha", "empty", "not", "int", "float64", "toStrings", "uniq", "has 1", "typeOf", "list", "println", "printf \"%+v\"", "printf \"%d\"", "printf \"%s\"",
];

pub(crate) const TEXTS: &[&str] = &["text", " ", "\n", "  \n\t", "a: b\n", "---\n", "}}", "{ {", "\"quoted\"", "é😀", "\r\n", "# {{/* c */}}", "<no value>", "{", "x\n\n"];

pub(crate) const COMMENTS: &[&str] = &[
    "{{/* c */}}", " {{- /* c */ -}} ", "{{- /* c */}}\n", "\n{{/* c */ -}}\n", "{{/* a\nb */}}", "{{/* }} */}}", "{{ /* c */ }}", "{{/* open }}", "{{/* c */ x}}", "{{-/* c */-}}", "{{- /* c */-}}", "{{/**/}}",
];

pub(crate) const ODD_ACTIONS: &[&str] = &[
    "{{ }}", "{{}}", "{{- -}}", "{{ . }}", "{{ $ }}", "{{ nil }}", "{{ .. }}", "{{ .a.b.c }}", "{{ .Values.s | }}", "{{ | quote }}", "{{ (1) }}", "{{ () }}", "{{ 1 2 }}", "{{ \"a\" \"b\" }}", "{{ .Values.s 1 }}", "{{ 1 | 2 }}", "{{ \"x\" | .Values.s }}", "{{ true }}", "{{ 1.5 }}", "{{ 'x' }}", "{{ \"\\u00e9\\n\" }}", "{{ `a\nb` }}",
    "{{ $x }}", "{{ $x := 1 }}{{ $x = 2 }}{{ $x }}", "{{ $x, $y := 1 }}", "{{ else }}", "{{ end }}", "{{ break }}", "{{ continue }}", "{{ if }}{{ end }}", "{{ if 1 }}", "{{ range }}{{ end }}", "{{ template }}", "{{ template \"c.one\" . . }}", "{{ define \"x\" }}", "{{ define x }}{{ end }}", "{{ block \"x\" }}{{ end }}", "{{ if 1 }}{{ else }}{{ else }}{{ end }}", "{{ end }}{{ end }}",
    "{{ $x := 1 | add 2 }}{{ $x }}", "{{ ($y := 5) }}{{ $y }}", "{{ if $z := 3 }}{{ $z }}{{ end }}{{ $z }}", "{{ not (eq 1 1) | ternary 1 2 }}", "{{ .Values.m.a.b }}", "{{ (.Values.m).a }}", "{{ (index .Values \"m\").a }}", "{{ \"a\".b }}", "{{ 1.x }}", "{{ nil.x }}", "{{ true.x }}", "{{ $.Values.s.x }}", "{{ .Values.l.0 }}", "{{ index .Values.l }}", "{{ call .Values.s }}", "{{ call nil }}", "{{ call print 1 }}",
    "{{ with $v := .Values.m }}{{ $v.a }}{{ end }}", "{{ with .Values.m }}{{ .a }}{{ else with .Values }}{{ .s }}{{ else }}none{{ end }}", "{{ range $i, $e := .Values.m }}{{ $i }}={{ $e }};{{ else }}none{{ end }}", "{{ range 3 }}{{ . }}{{ if eq . 1 }}{{ break }}{{ end }}{{ end }}", "{{ range $i := 2 }}{{ $i }}{{ end }}", "{{ range $i, $j := 2 }}{{ $i }}{{ end }}",
    "{{ set .Values \"new\" 1 | len }}{{ .Values.new }}", "{{ $_ := set . \"Values\" 1 }}{{ .Values }}", "{{ .Values.s}}{{.Values.n }}", "{{.Values.s|quote|len}}", "{{print(1)(2)}}", "{{print 1(2)}}", "{{ print \"a\"\"b\" }}", "{{ print .Values.s.Values }}", "{{ print $x }}", "{{- 3 -}}", "{{-3}}", "{{ -3 -}} x", "{{3 -}}\n y", "{{ 3-}}", "{{ \"a\nb\" }}", "{{ \"\\q\" }}", "{{ \"open }}", "{{ 'a }}", "{{ #x }}", "{{ a.b }}",
    "{{ len }}", "{{ printf }}", "{{ include }}", "{{ \"c.one\" | include }}", "{{ include \"c.one\" }}", "{{ include \"c.loop\" . }}", "{{ and 0 (fail \"x\") }}", "{{ or 1 (fail \"x\") }}", "{{ and }}", "{{ or nil }}", "{{ eq }}", "{{ eq 1 }}", "{{ eq 1 2 1 }}", "{{ ne 1 2 3 }}", "{{ lt \"a\" \"b\" }}", "{{ lt 1 1.5 }}", "{{ eq nil nil }}", "{{ eq .Values.nope nil }}", "{{ eq (list) (list) }}", "{{ eq .Values.m .Values.m }}",
    "{{ $x := 1 }}{{ if true }}{{ $x := 2 }}{{ $x = 3 }}{{ end }}{{ $x }}", "{{ $x := 1 }}{{ range list 1 2 }}{{ $x = . }}{{ end }}{{ $x }}", "{{ with 1 }}{{ $ }}{{ end }}", "{{ template \"c.one\" $x }}", "{{ define \"d\" }}{{ $ }}{{ end }}{{ template \"d\" 7 }}", "{{ template \"c.one\" (dict \"a\" 1) }}", "{{ range $k, $v := dict \"a\" 1 }}{{ $k }}{{ $v }}{{ else }}{{ $k }}{{ end }}",
    "{{ if and .Values.s (not .Values.n) }}y{{ else if or .Values.b .Values.nope }}z{{ end }}", "{{ .Values.m.a | default .Values.s | quote }}", "{{ toYaml .Values | indent 2 | trim }}", "{{ range .Values.l }}{{ toYaml . }}{{ end }}", "{{ (.Files.Glob \"conf/*\").AsConfig | nindent 2 }}", "{{ range $p, $_ := .Files.Glob \"**\" }}{{ $p }},{{ end }}", "{{ range .Files.Lines \"crlf.txt\" }}[{{ . }}]{{ end }}",
    "{{ range $k, $v := .Values }}{{ $k }}: {{ kindOf $v }}\n{{ end }}", "{{ 1_000 }}{{ 0x_1 }}{{ 1e1_0 }}", "{{ 0b2 }}", "{{ 0o8 }}", "{{ 1+2i }}", "{{ 'aa' }}", "{{ '\\400' }}", "{{ 1.2.3 }}", "{{ 0xg }}", "{{ 1a }}", "{{ ab-cd }}", "{{ .a-b }}", "{{ .Values.a-b }}", "{{ $a-b }}", "{{ $.a }}", "{{ $1 }}", "{{ .1 }}", "{{ .$ }}", "{{ (.).Values.s }}", "{{ ($).Values.s }}",
    "{{ with .Values.l }}{{ len . }}{{ end }}", "{{ index . }}", "{{ slice \"abc\" 1 2 }}", "{{ html \"<a>\" }}{{ js \"'\" }}{{ urlquery \"a b\" }}", "{{ now.Year | kindOf }}", "{{ (semver \"1.2.3\").Major }}", "{{ (toDate \"2006\" \"2020\").Year }}", "{{ (toDate \"2006\" \"2020\").Format \"06\" }}", "{{ (duration \"60\").x }}", "{{ env \"HOME\" }}", "{{ expandenv \"$HOME\" }}",
];

pub(crate) const YAML_STRINGS: &[&str] = &[
    "abc", "\"\"", "'it''s'", "\"line1\\nline2\\n\"", "\"a: b\"", "\"123\"", "\"true\"", "\"<&>\"", "\"é😀\"", "\"{{ .Values.n }}\"", "\"{{ .Release.Name }}-{{ .Chart.Name }}\"", "\"  lead\"", "\"trail  \"", "\"1.2.3\"", "\"a,b,c\"", "\"%v\"", "\"\\u0001\"", "\"- x\"", "plain text", "2020-01-01", "\"2020-01-01\"", "12:30", "\"\\t\"",
    "\"-\"", "\"{}\"", "\"0x10\"", "\"very long text that goes over the eighty columns at which the emitter folds its lines, and then on\"", "\"null\"", "=", "\"#c\"", "\"\\\\\"", "'\"'", "\"\\u2028\"", "\"K\"",
];

pub(crate) const YAML_NUMBERS: &[&str] = &[
    "0", "1", "-1", "80", "8080", "3.0", "1.5", "-0.0", "1e3", "1e6", "1000000", "1234567", "123456789012", "9007199254740993", "1e21", "1e-7", "0.00001", "0777", "0x1F", "0b11", "1_000", "0o17", "12345678901234567890", "1e300", "5e-324", "0.1", "100000", "999999", "1.0e+2", "+5", ".5", "1.", "-9223372036854775808", "2.5", "-7.25", "1:30",
];
