//! The stream: what it sends is what the page shows.

use super::*;

struct Events {
    body: axum::body::BodyDataStream,
    buffer: String,
}

#[derive(Debug)]
struct Event {
    name: String,
    id: String,
    data: Value,
}

impl Site {
    async fn stream(&self, view: &str, since: &str, header: bool) -> Events {
        let since_query = if header { "" } else { since };
        let mut request =
            http::Request::builder().uri(format!("/events/stream?view={}&since={since_query}", url::encode(view))).header("host", HOST);
        request = request.header("accept-encoding", "gzip, zstd");
        if header {
            request = request.header("last-event-id", since);
        }
        let response = self.send(request.body(Body::empty()).expect("a request")).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["x-accel-buffering"], "no");
        assert!(response.headers().get("content-encoding").is_none(), "a compressed stream is held back");
        Events { body: response.into_body().into_data_stream(), buffer: String::new() }
    }

    /// Where the stream of a page goes on from.
    async fn event(&self, path: &str) -> String {
        self.page(path).await.tags("body")[0].attribute("data-event").expect("an id").to_owned()
    }
}

impl Events {
    /// The next event, in time: heartbeats alone do not count.
    async fn next(&mut self) -> Option<Event> {
        tokio::time::timeout(Duration::from_secs(20), self.read()).await.expect("an event in time")
    }

    async fn read(&mut self) -> Option<Event> {
        loop {
            if let Some((block, rest)) = self.buffer.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.buffer = rest;
                // A browser dispatches nothing that has no data.
                if block.starts_with(':') || !block.lines().any(|l| l.starts_with("data:")) {
                    continue;
                }
                let field = |name: &str| {
                    let lines = block.lines().filter_map(|l| l.strip_prefix(name)?.strip_prefix(':'));
                    lines.map(|l| l.strip_prefix(' ').unwrap_or(l)).collect::<Vec<_>>().join("\n")
                };
                let data = serde_json::from_str(&field("data")).unwrap_or(Value::Null);
                return Some(Event { name: field("event"), id: field("id"), data });
            }
            let chunk = self.body.next().await?;
            self.buffer.push_str(&String::from_utf8_lossy(&chunk.expect("a chunk")));
        }
    }

    async fn expect(&mut self, name: &str) -> Event {
        let event = self.next().await.expect("an event");
        assert_eq!(event.name, name, "{event:?}");
        event
    }

    /// Nothing is sent for a while.
    async fn quiet(&mut self) {
        let next = tokio::time::timeout(Duration::from_millis(1200), self.next()).await;
        assert!(next.is_err(), "{next:?}");
    }
}

fn few() -> Views {
    fake::views(12)
}

#[tokio::test(start_paused = true)]
async fn a_change_reaches_the_page_as_the_page_would_show_it() {
    let site = Site::new(few());
    let since = site.event("/releases").await;
    let mut events = site.stream("/releases", &since, false).await;
    events.expect("hello").await;
    assert_eq!(site.open.load(Ordering::SeqCst), 1, "the stream is counted");
    site.views.put_unit(fake::report("team-a", "cart", Pill::Failed));
    let patch = events.expect("patch").await;
    let page = site.get("/releases").await.body;
    let rows = patch.data["rows"]["units"]["set"].as_object().expect("rows");
    assert_eq!(rows.keys().collect::<Vec<_>>(), ["units/releases/team-a/cart"], "one row changed");
    for html in rows.values().chain(patch.data["html"].as_object().expect("fragments").values()) {
        assert!(page.contains(html.as_str().expect("text")), "{html} is not on the page");
    }
    let order = patch.data["rows"]["units"]["order"].as_array().expect("it moved up");
    let shown: Vec<_> = super::html::parse(&page).id("units").tags("tr").iter().filter_map(|r| Some(json!(r.attribute("id")?))).collect();
    assert_eq!(*order, shown);
    assert_eq!(patch.id, site.event("/releases").await, "the id is the number of the change");
    drop(events);
    tokio::task::yield_now().await;
    assert_eq!(site.open.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn growing_older_is_no_change_and_other_pages_hear_nothing() {
    let site = Site::new(few());
    let since = site.event("/releases/team-b/checkout").await;
    let mut events = site.stream("/releases/team-b/checkout", &since, false).await;
    events.expect("hello").await;
    site.views.put_unit(fake::report("team-a", "cart", Pill::Failed));
    events.quiet().await;
    let mut report = fake::report("team-b", "checkout", Pill::Failed);
    report.message = "something else".into();
    site.views.put_unit(report);
    let patch = events.expect("patch").await;
    let changed: Vec<_> = patch.data["html"].as_object().expect("fragments").keys().collect();
    assert_eq!(changed, ["unit-head"], "tabs and chain are as they were");
}

#[tokio::test(start_paused = true)]
async fn many_changes_go_in_one_flush() {
    let site = Site::new(few());
    let since = site.event("/").await;
    let mut events = site.stream("/", &since, false).await;
    events.expect("hello").await;
    let begun = tokio::time::Instant::now();
    for n in 0..50 {
        site.views.put_unit(fake::report("team-z", &format!("new-{n}"), Pill::Failed));
    }
    let patch = events.expect("patch").await;
    assert!(begun.elapsed() >= Duration::from_millis(250), "at most four a second");
    assert!(patch.data["html"]["counts"].as_str().expect("counts").contains("<strong>52</strong>"));
    events.quiet().await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_resumes_where_it_was() {
    for header in [true, false] {
        let site = Site::new(few());
        let since = site.event("/releases").await;
        // Between the page and its stream.
        site.views.put_unit(fake::report("team-a", "cart", Pill::Ready));
        site.views.remove_unit(&fake::key(UnitKind::Release, "team-b", "checkout"));
        tokio::task::yield_now().await;
        let mut events = site.stream("/releases", &since, header).await;
        assert_eq!(events.expect("hello").await.id, since);
        let patch = events.expect("patch").await;
        let table = &patch.data["rows"]["units"];
        assert!(table["set"]["units/releases/team-a/cart"].as_str().expect("the row").contains("Ready"), "{patch:?}");
        let order = table["order"].as_array().expect("an order");
        assert!(order.len() == 11 && !order.contains(&json!("units/releases/team-b/checkout")));
        // And again, with the id of that event: nothing is left to say.
        let mut again = site.stream("/releases", &patch.id, header).await;
        again.expect("hello").await;
        again.quiet().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_cannot_go_on_is_reset_once() {
    let site = Site::new(few());
    for since in ["", "nonsense", "abc-3", "abc-99999999999999999999"] {
        let mut events = site.stream("/", since, true).await;
        events.expect("reset").await;
        assert!(events.next().await.is_none(), "{since}: one reset, and the end");
    }
    // Of this process, but too long ago.
    let since = site.event("/").await;
    for n in 0..9000_i64 {
        let mut report = fake::report("team-a", "cart", Pill::Drifted);
        report.since = fake::now() - jiff::SignedDuration::from_secs(n);
        site.views.put_unit(report);
        if n % 1000 == 0 {
            tokio::task::yield_now().await;
        }
    }
    tokio::task::yield_now().await;
    site.stream("/", &since, true).await.expect("reset").await;
    // Of a number that is still to come.
    let ahead = format!("{}-999999", since.split('-').next().expect("a boot"));
    site.stream("/", &ahead, true).await.expect("reset").await;
}

#[tokio::test(start_paused = true)]
async fn a_unit_that_goes_resets_its_page_and_stopping_ends_streams() {
    let site = Site::new(few());
    let since = site.event("/releases/team-a/cart/drift").await;
    let mut events = site.stream("/releases/team-a/cart/drift", &since, true).await;
    events.expect("hello").await;
    site.views.remove_unit(&fake::key(UnitKind::Release, "team-a", "cart"));
    events.expect("reset").await;
    let mut events = site.stream("/", &site.event("/").await, true).await;
    events.expect("hello").await;
    site.stop.cancel();
    assert!(events.next().await.is_none(), "the daemon can stop");
    let unknown = site.get("/events/stream?view=%2Fnothing").await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
}
