//! What each function takes, so that most calls are meaningful: a letter per parameter, `*` after one that repeats.
//!
//! a anything, b bool, c version constraint, d date, D duration, e base64, f float, g time, i number of any kind, j JSON text, k key,
//! l list, L date layout, m map, n small int, o name of a template, p path, P text with template actions, q kind of key,
//! r regular expression, R replacement, s string, t TOML text, T type, u URL, v version, w what a template is given, x printf format, y YAML text, z zone,
//! 1 a map of one key (Helm's order of the others is random)

/// How the result of a function is to be looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Show {
    /// As it is.
    Whole,
    /// Its length and kind: the rest is random.
    Shape,
    /// As `Shape`, and it takes long: rarely.
    Slow,
    /// Sorted: the order is random.
    Sorted,
}

const WHOLE: &str = "
abbrev ns
abbrevboth nns
add i*
add1 i
add1f i
addf i*
adler32sum s
all a*
and aa*
any a*
append la
atoi s
b32dec e
b32enc s
b64dec e
b64enc s
base p
biggest ii*
buildCustomCert ee
call aa*
camelcase s
cat a*
ceil i
chunk nl
clean p
coalesce a*
compact l
concat l*
contains ss
date Ld
dateInZone Ldz
dateModify Dg
date_in_zone Ldz
date_modify Dg
decryptAES se
deepCopy a
deepEqual aa
default aa
dict ka*
dig kam
dir p
div ii
divf ii*
duration D
durationRound D
empty a
eq aa*
ext p
fail s
first l
float64 i
floor i
fromJson j
fromJsonArray j
fromToml t
fromYaml y
fromYamlArray y
ge ii
get mk
getHostByName s
gt ii
has al
hasKey mk
hasPrefix ss
hasSuffix ss
hello
html a*
htmlDate d
htmlDateInZone dz
include ow
indent ns
index aa*
initial l
initials s
int i
int64 i
isAbs p
join sl
js a*
kebabcase s
keys 1
kindIs Ta
kindOf a
last l
le ii
len a
list a*
lookup ssss
lower s
lt ii
max ii*
maxf ii*
merge mm*
mergeOverwrite mm*
min ii*
minf ii*
mod ii
mul ii*
mulf ii*
mustAppend la
mustChunk nl
mustCompact l
mustDateModify Dg
mustDeepCopy a
mustFirst l
mustFromJson j
mustHas al
mustInitial l
mustLast l
mustMerge mm*
mustMergeOverwrite mm*
mustPrepend la
mustPush la
mustRegexFind rs
mustRegexFindAll rsn
mustRegexMatch rs
mustRegexReplaceAll rsR
mustRegexReplaceAllLiteral rsR
mustRegexSplit rsn
mustRest l
mustReverse l
mustSlice lnn
mustToDate Ls
mustToJson a
mustToPrettyJson a
mustToRawJson a
mustUniq l
mustWithout la*
must_date_modify Dg
ne aa
nindent ns
nospace s
not a
omit mk*
or aa*
osBase p
osClean p
osDir p
osExt p
osIsAbs p
pick mk*
pluck km*
plural ssn
prepend la
print a*
printf xa*
println a*
push la
quote a*
regexFind rs
regexFindAll rsn
regexMatch rs
regexQuoteMeta s
regexReplaceAll rsR
regexReplaceAllLiteral rsR
regexSplit rsn
repeat ns
replace sss
required sa
rest l
reverse l
round in
semver v
semverCompare cv
seq nn*
set mka
sha1sum s
sha256sum s
sha512sum s
slice lnn
snakecase s
sortAlpha l
split ss
splitList ss
splitn sns
squote a*
sub ii
subf ii*
substr nns
swapcase s
ternary aab
title s
toDate Ls
toDecimal a
toJson a
toPrettyJson a
toRawJson a
toString a
toStrings l
toToml m
toYaml a
toYamlPretty a
tpl Pw
trim s
trimAll ss
trimPrefix ss
trimSuffix ss
trimall ss
trunc ns
tuple a*
typeIs Ta
typeIsLike Ta
typeOf a
uniq l
unixEpoch g
unset mk
until n
untilStep nnn
untitle s
upper s
urlJoin m
urlParse u
urlquery a*
values 1
without la*
wrap ns
wrapWith nss
";

const SHAPE: &str = "
ago d
encryptAES ss
now
randAlpha n
randAlphaNum n
randAscii n
randBytes n
randInt nn
randNumeric n
shuffle s
uuidv4
";

const SLOW: &str = "
bcrypt s
derivePassword nssss
genCA sn
genCAWithKey sne
genPrivateKey q
genSelfSignedCert slln
genSelfSignedCertWithKey sllne
genSignedCert sllna
genSignedCertWithKey sllnae
htpasswd ss
";

const SORTED: &str = "
keys m*
values m
";

/// A function with the letters of its parameters.
#[derive(Clone, Copy)]
pub(crate) struct Signature {
    pub(crate) name: &'static str,
    pub(crate) params: &'static str,
    pub(crate) show: Show,
}

/// All signatures, in a fixed order.
pub(crate) fn all() -> Vec<Signature> {
    let tables = [(WHOLE, Show::Whole), (SHAPE, Show::Shape), (SLOW, Show::Slow), (SORTED, Show::Sorted)];
    let lines = tables.into_iter().flat_map(|(table, show)| table.lines().filter(|l| !l.is_empty()).map(move |l| (l, show)));
    lines
        .map(|(line, show)| {
            let (name, params) = line.split_once(' ').unwrap_or((line, ""));
            Signature { name, params, show }
        })
        .collect()
}
