//! The pages, the API and who may ask.

use super::*;

fn cluster() -> Views {
    let views = Views::default();
    views.put_daemon(DaemonReport { cluster: "prod-eu".into(), server_version: "v1.36.1".into(), leading: None, simulated: true });
    for (name, pill) in ["cart", "checkout", "api", "web", "search", "mail", "auth"].into_iter().zip([
        Pill::Drifted,
        Pill::Failed,
        Pill::RolledBack,
        Pill::Progressing,
        Pill::Suspended,
        Pill::Unknown,
        Pill::Ready,
    ]) {
        views.put_unit(fake::report("team-a", name, pill));
    }
    views.put_unit(fake::bundle("flux-system", "apps", Pill::Ready));
    views.put_source(fake::source("shop", None));
    views.put_source(fake::source("platform", Some("authentication was refused")));
    views
}

const PAGES: &[&str] = &[
    "/",
    "/releases",
    "/releases?q=status:drifted+colour:red",
    "/releases?q=nothing-like-it",
    "/releases?sort=since&page=9",
    "/drift",
    "/sources",
    "/help",
    "/releases/team-a/cart",
    "/releases/team-a/cart/drift",
    "/releases/team-a/cart/suspend",
    "/releases/team-a/api/history",
    "/releases/team-a/api/rollback/2",
    "/releases/team-a/checkout/objects",
    "/releases/team-a/checkout/events",
    "/releases/team-a/search",
    "/kustomizations/flux-system/apps",
    "/kustomizations/flux-system/apps/history",
];

/// The name that a screen reader says.
fn name(node: &html::Node, page: &html::Node) -> String {
    if let Some(label) = node.attribute("aria-label") {
        return label.to_owned();
    }
    if node.tag == "input" {
        let label = node.attribute("id").and_then(|id| page.tags("label").into_iter().find(|l| l.attribute("for") == Some(id)));
        return label.map(html::Node::text).unwrap_or_default();
    }
    node.text()
}

#[tokio::test]
async fn every_page_is_sound() {
    let site = Site::new(cluster());
    for path in PAGES {
        let page = site.page(path).await;
        for node in page.all() {
            for (attribute, value) in &node.attributes {
                let inline = attribute == "style" || attribute.starts_with("on");
                assert!(!inline, "{path}: <{} {attribute}=\"{value}\"> would break the policy", node.tag);
            }
            let control = matches!(node.tag.as_str(), "a" | "button" | "summary" | "input") && node.attribute("type") != Some("hidden");
            assert!(!control || !name(node, &page).is_empty(), "{path}: <{}> has no name: {:?}", node.tag, node.attributes);
            if node.has_class("pill") {
                assert!(node.text().chars().any(char::is_alphabetic), "{path}: a status without words");
                assert_eq!(node.tags("svg").len(), 1, "{path}: a status without a shape: {}", node.text());
            }
            assert!(node.tag != "script" || node.attribute("src").is_some(), "{path}: an inline script");
            assert!(node.tag != "th" || node.attribute("scope").is_some(), "{path}: a heading without scope");
            assert!(node.tag != "table" || node.nodes().any(|n| n.tag == "caption"), "{path}: a table without caption");
            if let Some(href) = node.attribute("href") {
                assert!(href.starts_with(['/', '#']) || href.starts_with("https://git.example/"), "{path}: a link to {href}");
            }
        }
        let mut ids: Vec<_> = page.all().into_iter().filter_map(|n| n.attribute("id")).collect();
        ids.sort_unstable();
        let before = ids.len();
        ids.dedup();
        assert_eq!(before, ids.len(), "{path}: an id is there twice");
        let words: Vec<_> = page.tags("h1").iter().map(|n| n.text()).collect();
        assert_eq!(words.len(), 1, "{path}: one main heading, got {words:?}");
        assert_eq!(page.tags("main").len(), 1);
    }
}

#[tokio::test]
async fn the_links_of_every_page_lead_somewhere() {
    let site = Site::new(cluster());
    let mut seen = std::collections::BTreeSet::new();
    for path in PAGES {
        for link in site.page(path).await.tags("a") {
            let href = link.attribute("href").unwrap_or_default().split('#').next().unwrap_or_default().to_owned();
            if href.starts_with('/') && seen.insert(href.clone()) {
                assert_eq!(site.get(&href).await.status, StatusCode::OK, "{path} links to {href}");
            }
        }
    }
    assert!(seen.len() > 40, "{seen:?}");
}

#[tokio::test]
async fn the_overview_shows_what_needs_attention_the_worst_first() {
    let site = Site::new(cluster());
    let page = site.page("/").await;
    let tiles: Vec<String> = page.classes("tile").iter().map(|n| n.text()).collect();
    assert_eq!(tiles, ["Failed 1", "Rolled back 1", "Drifted 1", "Progressing 1", "Suspended 1", "Unknown 1", "Ready 2"]);
    let cards: Vec<String> = page.id("attention").classes("card").iter().map(|n| n.text()).collect();
    assert_eq!(cards.len(), 4, "{cards:#?}");
    for (card, words) in cards.iter().zip([
        ["Source unreadable", "authentication was refused"],
        ["Failed team-a/ checkout", "ImagePullBackOff app:1.8.0"],
        ["Rolled back team-a/ api", "Rolled back to 1.4.2"],
        ["Drifted 5 team-a/ cart", "kubectl-edit"],
    ]) {
        assert!(words.iter().all(|w| card.contains(w)), "{card}");
    }
    assert!(cards[1].contains("for 12 m") && cards[1].contains("Deployment/checkout"), "{}", cards[1]);
    assert!(page.classes("simulated")[0].text().contains("simulated API server"));
    assert!(page.classes("cluster")[0].text().contains("prod-eu"));

    let calm = Site::new(Views::default());
    assert!(calm.page("/").await.id("attention").text().contains("Nothing is deployed yet"));
}

#[tokio::test]
async fn a_daemon_that_does_not_write_says_so() {
    let site = Site::new(cluster());
    assert_eq!(site.page("/").await.id("daemon").text(), "");
    site.views.put_daemon(DaemonReport { leading: Some("helmward-1 holds the Lease".into()), ..DaemonReport::default() });
    assert!(site.page("/releases").await.id("daemon").text().contains("This daemon does not write. helmward-1 holds the Lease"));
}

#[tokio::test]
async fn the_list_filters_sorts_and_pages() {
    let site = Site::new(fake::views(450));
    let rows = |page: &html::Node| page.id("units").tags("tr").iter().map(|n| n.text()).collect::<Vec<_>>();
    let page = site.page("/releases").await;
    assert_eq!(rows(&page).len(), 200);
    assert!(rows(&page)[0].starts_with("Failed"), "the worst first: {}", rows(&page)[0]);
    assert!(
        page.id("pages").text().contains("1 – 200 of 450") || page.id("pages").text().contains("1–200 of 450"),
        "{}",
        page.id("pages").text()
    );
    assert_eq!(rows(&site.page("/releases?page=3").await).len(), 50);
    assert_eq!(rows(&site.page("/releases?page=99").await).len(), 50, "the last page there is");
    let drifted = site.page("/releases?q=status%3Adrifted").await;
    assert!(!rows(&drifted).is_empty() && rows(&drifted).iter().all(|r| r.contains("Drifted")));
    assert_eq!(drifted.id("q").attribute("value"), Some("status:drifted"), "the filter stays in its box");
    let page = site.page("/releases?q=colour:red").await;
    assert!(page.id("found").text().contains("is no key"));
    let names = rows(&site.page("/releases?sort=name").await);
    assert!(names[0].contains("team-a/"), "{}", names[0]);
}

#[tokio::test]
async fn the_drift_page_says_what_who_since_and_next() {
    let site = Site::new(cluster());
    let page = site.page("/releases/team-a/cart/drift").await;
    let body = page.id("unit-body").text();
    for words in [
        ".spec.replicas",
        "in Git: 3 → in the cluster: 5",
        "kubectl-edit person",
        "seen 40 m ago",
        "kubectl-edit last wrote 11:42:09",
        "Set back at 12:30:00 UTC.",
        "probably kubectl-label person",
        "secret 12 B # a1f3",
        "1 field set by others and not in Git",
        "Left to its owner",
        "kubectl patch deployment.apps/cart --namespace team-a",
        "driftDetection:",
        "- level: info",
        "+ level: debug",
        "set back 24 h ago",
        "gone by itself",
    ] {
        let flat = |text: &str| text.replace(' ', "");
        assert!(flat(&body).contains(&flat(words)), "{words} is not in {body}");
    }
    assert!(!body.contains("undefined"));
    let inbox = site.page("/drift").await;
    let groups: Vec<String> = inbox.tags("summary").iter().map(|n| n.text()).collect();
    assert!(groups[0].starts_with("kubectl-edit person changed 2 fields in 1 unit"), "{groups:?}");
    assert!(groups.last().is_some_and(|g| g.starts_with("helm tool")), "people come first: {groups:?}");
}

#[tokio::test]
async fn history_tells_of_an_automatic_rollback_with_its_cause() {
    let site = Site::new(cluster());
    let page = site.page("/releases/team-a/api/history").await;
    let rollback = page.id("revision-5").text();
    assert!(rollback.contains("Automatic rollback to #3"), "{rollback}");
    assert!(rollback.contains("Because #4 failed: Deployment/api not ready in 5 m"), "{rollback}");
    let failed = page.id("revision-4").text();
    for words in ["failed", "Upgrade 1.5.0", "took 3.4 s", "main@9f3c1a2", "bob: bump cart to 1.5.0"] {
        assert!(failed.contains(words), "{words} is not in {failed}");
    }
    let offered: Vec<_> =
        page.id("unit-body").tags("a").into_iter().filter_map(|a| a.attribute("href")).filter(|h| h.contains("/rollback/")).collect();
    assert_eq!(offered, ["/releases/team-a/api/rollback/2", "/releases/team-a/api/rollback/1"], "not the failed one, not what runs");
}

#[tokio::test]
async fn the_objects_are_a_tree_with_the_unhealthy_first() {
    let site = Site::new(cluster());
    let page = site.page("/releases/team-a/checkout/objects").await;
    let kinds: Vec<_> = page.classes("kind").into_iter().map(|n| (n.tags("strong")[0].text(), n.attribute("open").is_some())).collect();
    assert_eq!(kinds[0], ("Deployment".into(), true));
    assert!(kinds.contains(&("ConfigMap".into(), false)), "many and well: folded");
    let deployment = page.classes("kind")[0].text();
    assert!(deployment.contains("ProgressDeadlineExceeded") && deployment.contains("ImagePullBackOff"), "{deployment}");
}

#[tokio::test]
async fn what_others_wrote_is_escaped() {
    let site = Site::new(cluster());
    let mut report = fake::report("team-a", "evil", Pill::Drifted);
    let attack = "\"><script>alert(1)</script>";
    report.message = attack.into();
    report.events[0].message = attack.into();
    report.history[0].description = attack.into();
    report.history[0].commit = attack.into();
    report.drift[0].path = attack.into();
    report.drift[0].live = Some(crate::object::Shown::Plain(json!(attack)));
    report.drift[0].owners[0].manager = attack.into();
    report.objects[0].id.name = attack.into();
    if let Some(source) = &mut report.source {
        (source.url, source.subject, source.author) = ("javascript://x/%0aalert(1)".into(), attack.into(), attack.into());
    }
    site.views.put_unit(report);
    for path in [
        "/",
        "/releases",
        "/drift",
        "/releases/team-a/evil",
        "/releases/team-a/evil/drift",
        "/releases/team-a/evil/history",
        "/releases/team-a/evil/objects",
        "/releases/team-a/evil/events",
    ] {
        let answer = site.get(path).await;
        assert!(!answer.body.contains("<script>alert"), "{path}");
        assert!(!answer.body.contains("href=\"javascript"), "{path}");
        html::parse(&answer.body);
    }
}

#[tokio::test]
async fn strangers_are_refused() {
    let site = Site::new(cluster());
    for (headers, method, want) in [
        (vec![("host", "evil.example")], Method::GET, 421),
        (vec![("host", "evil.example:9080")], Method::GET, 421),
        (vec![("host", "127.0.0.1:1")], Method::GET, 421),
        (vec![("host", "localhost:9080")], Method::GET, 200),
        (vec![("host", "[::1]:9080")], Method::GET, 200),
        (vec![("origin", "http://evil.example")], Method::POST, 403),
        (vec![("origin", "null")], Method::POST, 403),
        (vec![("sec-fetch-site", "cross-site")], Method::POST, 403),
        (vec![("sec-fetch-site", "same-site")], Method::POST, 403),
    ] {
        for path in ["/releases/team-a/cart", "/api/v1/releases/team-a/cart"] {
            let path = if method == Method::POST { format!("{path}/reconcile") } else { path.to_owned() };
            let answer = site.ask(method.clone(), &path, &headers, "").await;
            assert_eq!(answer.status.as_u16(), want, "{path} {headers:?}: {}", answer.body);
            assert!(answer.header("content-security-policy").starts_with("default-src 'none'; script-src 'self'"));
            assert_eq!(answer.header("x-content-type-options"), "nosniff");
            assert_eq!(answer.header("referrer-policy"), "same-origin");
        }
    }
    let mut site = site;
    assert!(site.requests.try_recv().is_err(), "nothing reached the controllers");
    let request = http::Request::builder().uri("/").body(Body::empty()).expect("a request");
    assert_eq!(site.send(request).await.status(), StatusCode::BAD_REQUEST, "no Host at all");
}

/// Answers the next request of the page.
async fn answer(site: &mut Site, answer: Result<&str, &str>) -> Request {
    let (request, back) = site.requests.recv().await.expect("a request");
    back.send(answer.map(Into::into).map_err(Into::into)).expect("somebody waits");
    request
}

#[tokio::test]
async fn actions_work_as_forms() {
    let mut site = Site::new(cluster());
    let key = |name: &str| UnitKey { kind: UnitKind::Release, namespace: "team-a".into(), name: name.into() };
    for (name, path, body, want) in [
        ("cart", "reconcile", "source=true", Request::Reconcile { key: key("cart"), source: true }),
        ("cart", "suspend", "reason=because+%26+so", Request::Suspend { key: key("cart"), reason: "because & so".into() }),
        ("search", "resume", "", Request::Resume { key: key("search") }),
        ("api", "rollback", "to=2", Request::Rollback { key: key("api"), to: Some(2) }),
    ] {
        let router = Site { router: site.router.clone(), ..Site::new(Views::default()) };
        let address = format!("/releases/team-a/{name}/{path}");
        let asked = async { router.form(&address, body).await };
        let (done, request) = tokio::join!(asked, answer(&mut site, Ok("it is on its way; ok")));
        assert_eq!(request, want);
        assert_eq!((done.status.as_u16(), done.header("location")), (303, format!("/releases/team-a/{name}").as_str()));
        // The answer is on the next page, once.
        let cookie = done.header("set-cookie").split(';').next().unwrap_or_default().to_owned();
        let page = site.ask(Method::GET, done.header("location"), &[("cookie", &cookie)], "").await;
        assert!(page.body.contains("it is on its way; ok"), "{cookie}");
        assert!(page.header("set-cookie").contains("Max-Age=0"));
    }
    // A rollback that a person asked for is left by resuming.
    let mut pinned = fake::report("team-a", "api", Pill::RolledBack);
    pinned.conditions.truncate(1);
    assert!(!site.page("/releases/team-a/api").await.text().contains("Resume"));
    site.views.put_unit(pinned);
    assert!(site.page("/releases/team-a/api").await.id("unit-head").text().contains("Resume"));
    // Every form that the pages offer is one of those.
    for (path, forms) in [
        ("/releases/team-a/cart", vec!["/releases/team-a/cart/reconcile", "/theme"]),
        ("/releases/team-a/search", vec!["/releases/team-a/search/reconcile", "/releases/team-a/search/resume", "/theme"]),
        ("/releases/team-a/cart/suspend", vec!["/releases/team-a/cart/suspend", "/theme"]),
        ("/releases/team-a/api/rollback/2", vec!["/releases/team-a/api/rollback", "/theme"]),
    ] {
        let page = site.page(path).await;
        let mut found: Vec<_> =
            page.tags("form").into_iter().filter(|f| f.attribute("method") == Some("post")).filter_map(|f| f.attribute("action")).collect();
        found.sort_unstable();
        assert_eq!(found, forms);
    }
}

#[tokio::test]
async fn refusals_are_shown_as_they_are() {
    let mut site = Site::new(cluster());
    let router = Site { router: site.router.clone(), ..Site::new(Views::default()) };
    let asked = async { router.form("/releases/team-a/cart/reconcile", "").await };
    let (done, _) = tokio::join!(asked, answer(&mut site, Err("forbidden: patch on helmreleases")));
    assert_eq!(done.status, StatusCode::CONFLICT);
    assert!(html::parse(&done.body).text().contains("forbidden: patch on helmreleases"));
    for (path, body, want, words) in [
        ("/releases/team-a/api/rollback", "to=4", 422, "cannot go back to revision 4; these can: 2, 1"),
        ("/releases/team-a/nobody/reconcile", "", 404, "there is no HelmRelease/team-a/nobody"),
        ("/releases/team-a/cart/explode", "", 405, "There is no action"),
        ("/releases/team-a/api/rollback", "to=x", 422, "cannot be read"),
    ] {
        let done = site.form(path, body).await;
        assert!(done.status.as_u16() == want && done.body.contains(words), "{path}: {} {}", done.status, done.body);
    }
    assert_eq!(
        site.form("/releases/team-a/cart/suspend", &format!("reason={}", "x".repeat(20_000))).await.status,
        StatusCode::PAYLOAD_TOO_LARGE
    );
    drop(site.requests);
    let done = router.form("/releases/team-a/cart/reconcile", "").await;
    assert_eq!(done.status, StatusCode::SERVICE_UNAVAILABLE, "{}", done.body);
}

#[tokio::test]
async fn what_is_not_there() {
    let site = Site::new(cluster());
    for path in [
        "/nothing",
        "/releases/team-a/nobody",
        "/releases/team-a/cart/nothing",
        "/kustomizations/team-a/cart",
        "/releases/team-a/api/rollback/4",
    ] {
        let answer = site.get(path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert!(html::parse(&answer.body).tags("h1")[0].text().contains("Not Found"));
    }
    for path in ["/api/v1/nothing", "/api/v1/releases/team-a/nobody", "/api/v1/kustomizations/team-a/cart"] {
        let answer = site.get(path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert!(answer.problem()["detail"].as_str().is_some_and(|d| d.starts_with("there is no")));
    }
    assert_eq!(site.ask(Method::DELETE, "/api/v1/sources", &[], "").await.problem()["status"], 405);
    assert_eq!(site.get("/api/v1/releases?q=colour:red").await.problem()["status"], 400);
    assert_eq!(site.ask(Method::POST, "/api/v1/releases/team-a/cart/explode", &[], "").await.problem()["status"], 404);
}

#[tokio::test]
async fn the_theme_is_remembered_without_a_script() {
    let site = Site::new(cluster());
    let done = site.form("/theme", "theme=dark&back=/releases?q=a").await;
    assert_eq!((done.status.as_u16(), done.header("location")), (303, "/releases?q=a"));
    assert!(done.header("set-cookie").starts_with("helmward-theme=dark; Path=/; SameSite=Strict"));
    let page = site.ask(Method::GET, "/", &[("cookie", "a=b; helmward-theme=dark")], "").await;
    assert!(page.body.contains("data-theme=\"dark\""));
    for back in ["//evil.example", "https://evil.example", "/\\evil.example"] {
        assert_eq!(site.form("/theme", &format!("theme=x&back={back}")).await.header("location"), "/", "{back}");
    }
}

#[tokio::test]
async fn the_api_gives_reports() {
    let mut site = Site::new(cluster());
    let list = site.json("/api/v1/releases?q=status:drifted").await;
    assert_eq!(
        (&list["apiVersion"], &list["kind"], &list["total"], &list["matched"]),
        (&json!("helmward.dev/v1"), &json!("UnitList"), &json!(8), &json!(1))
    );
    let item = &list["items"][0];
    assert_eq!(item["key"], json!({"kind": "Release", "namespace": "team-a", "name": "cart"}));
    assert_eq!(
        (&item["pill"], &item["drifted"], &item["chart"]["version"], &item["revision"]),
        (&json!("Drifted"), &json!(5), &json!("2.4.1"), &json!(2))
    );
    assert_eq!(site.json("/api/v1/releases?limit=3&page=3").await["items"].as_array().map(Vec::len), Some(2));

    let one = site.json("/api/v1/releases/team-a/cart").await;
    assert_eq!((&one["pill"], &one["revision"], &one["driftMode"]), (&json!("Drifted"), &json!(2), &json!("enabled")));
    let field = &one["drift"][0];
    assert_eq!(
        (&field["path"], &field["pointer"], &field["desired"], &field["live"]),
        (&json!(".spec.replicas"), &json!("/spec/replicas"), &json!(3), &json!(5))
    );
    assert_eq!((&field["owners"][0]["manager"], &field["owners"][0]["class"]), (&json!("kubectl-edit"), &json!("person")));
    assert_eq!(one["driftHistory"][0]["end"], "corrected");
    assert_eq!(one["history"][0]["status"], "deployed");
    assert_eq!(one["drift"][4]["desired"], json!({"hidden": {"bytes": 12, "fingerprint": "a1f3"}}));
    let report = site.views.unit(&fake::key(UnitKind::Release, "team-a", "cart")).expect("it is there");
    assert_eq!(api::from_json(one).expect("a report"), *report, "what is written can be read");

    assert_eq!(site.json("/api/v1/kustomizations/flux-system/apps").await["key"]["kind"], "Bundle");
    assert_eq!(site.json("/api/v1/sources").await["items"][0]["info"]["name"], "platform");
    assert_eq!(site.json("/api/v1/version").await["daemon"]["cluster"], "prod-eu");

    let router = Site { router: site.router.clone(), ..Site::new(Views::default()) };
    let json_body = [("content-type", "application/json")];
    let asked = async { router.ask(Method::POST, "/api/v1/releases/team-a/cart/suspend", &json_body, r#"{"reason":"tests"}"#).await };
    let (done, request) = tokio::join!(asked, answer(&mut site, Ok("suspended")));
    assert!(matches!(request, Request::Suspend { reason, .. } if reason == "tests"));
    assert_eq!(done.status, StatusCode::ACCEPTED);
    assert_eq!(serde_json::from_str::<Value>(&done.body).expect("JSON")["message"], "suspended");
    for (kind, body, want) in [("application/json", "{\"colour\":1}", 400), ("text/plain", "x", 415), ("application/json", "{", 400)] {
        let done = site.ask(Method::POST, "/api/v1/releases/team-a/cart/suspend", &[("content-type", kind)], body).await;
        assert_eq!(done.problem()["status"], want, "{body}");
    }
    let long = format!("{{\"reason\":\"{}\"}}", "x".repeat(20_000));
    assert_eq!(site.ask(Method::POST, "/api/v1/releases/team-a/cart/suspend", &json_body, &long).await.problem()["status"], 413);
}

#[tokio::test]
async fn assets_are_small_and_kept_for_ever() {
    let site = Site::new(cluster());
    let page = site.page("/").await;
    let script = page.tags("script")[0].attribute("src").expect("an address").to_owned();
    let bundle = script.trim_end_matches("app.js").to_owned();
    let mut sizes = (0, 0);
    for (name, kind) in [
        ("app.js", "text/javascript"),
        ("live.js", "text/javascript"),
        ("filter.js", "text/javascript"),
        ("keys.js", "text/javascript"),
        ("theme.js", "text/javascript"),
        ("app.css", "text/css"),
        ("icon.svg", "image/svg+xml"),
    ] {
        let answer = site.get(&format!("{bundle}{name}")).await;
        assert_eq!((answer.status, answer.header("content-type").split(';').next()), (StatusCode::OK, Some(kind)), "{name}");
        assert_eq!(answer.header("cache-control"), "public, max-age=31536000, immutable");
        match kind {
            "text/javascript" => sizes.0 += answer.body.len(),
            "text/css" => sizes.1 += answer.body.len(),
            _ => {}
        }
    }
    assert_eq!(assets::names().len(), 7, "every asset is named above");
    assert!(sizes.0 < 30_000 && sizes.1 < 30_000, "scripts and styles stay small: {sizes:?}");
    assert_eq!(site.get("/assets/0000/app.css").await.header("cache-control"), "no-cache", "of another build: not to be kept");
    assert_eq!(site.get("/assets/0000/nothing.css").await.status, StatusCode::NOT_FOUND);
    assert_eq!(site.get("/assets/0000/..%2f..%2fmod.rs").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn pages_stay_light_at_five_thousand_units() {
    let views = fake::views(5000);
    // The worst case for the overview and the inbox: half of the cluster drifts.
    for n in 0..2500 {
        views.put_unit(fake::report("drifting", &format!("unit-{n}"), Pill::Drifted));
    }
    let site = Site::new(views);
    for path in [
        "/",
        "/releases",
        "/releases?q=status%3Adrifted",
        "/drift",
        "/sources",
        "/releases/team-a/cart/drift",
        "/releases/team-d/payments/history",
    ] {
        for (encoding, most) in [("zstd", 100_000), ("gzip", 100_000)] {
            let begun = std::time::Instant::now();
            let mut request = http::Request::builder().uri(path).header("host", HOST).header("accept-encoding", encoding);
            request = request.header("accept", "text/html");
            let response = site.send(request.body(Body::empty()).expect("a request")).await;
            assert_eq!(response.status(), StatusCode::OK, "{path}");
            assert_eq!(response.headers()["content-encoding"], encoding);
            let size = response.into_body().collect().await.expect("a body").to_bytes().len();
            assert!(size < most, "{path} as {encoding}: {size} B");
            // Generous: debug builds on a busy machine.
            assert!(begun.elapsed() < Duration::from_secs(5), "{path} took {:?}", begun.elapsed());
        }
    }
    let both = site.ask(Method::GET, "/", &[("accept-encoding", "gzip, deflate, br, zstd")], "").await;
    assert_eq!(both.header("content-encoding"), "zstd");
}

#[tokio::test]
async fn only_loopback_is_served() {
    let listener = tokio::net::TcpListener::bind("0.0.0.0:0").await.expect("a port");
    let (sender, _requests) = mpsc::channel(1);
    let error = serve(listener, Views::default(), sender, Arc::new(|_| ()), CancellationToken::new()).await.expect_err("refused");
    assert!(error.to_string().contains("loopback addresses only"), "{error}");
}
