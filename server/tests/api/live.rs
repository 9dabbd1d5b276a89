//! `/live`: the present picture first, then one after each change.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Client, PATIENCE, TestServer, With, html, on_both_databases, step};

on_both_databases![
    a_workflow_is_followed_from_its_present_picture_on,
    now_follows_what_happens_anywhere,
    a_run_is_followed_through_its_story,
    many_who_follow_get_the_same_picture,
    a_change_of_the_book_reaches_every_stream,
    a_page_is_never_turned_back_by_an_older_picture,
    what_cannot_be_followed_is_404,
    a_token_for_reading_may_follow,
];

/// A stream of pictures, read one by one.
struct Stream {
    response: reqwest::Response,
    read: String,
}

impl Stream {
    async fn follow(client: &Client, topic: &str) -> Self {
        Self::open(client, &format!("/live?topics={topic}")).await
    }

    /// Follows as a page does that says which change it knows.
    async fn follow_since(client: &Client, topic: &str, since: &str) -> Self {
        Self::open(client, &format!("/live?topics={topic}&since={since}")).await
    }

    async fn open(client: &Client, url: &str) -> Self {
        let response = client.stream(url).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store");
        Self { response, read: String::new() }
    }

    /// The next picture: its id and what it shows.
    async fn next(&mut self) -> (i64, Value) {
        let whole = async {
            loop {
                if let Some((message, rest)) = self.read.split_once("\n\n") {
                    let (id, data) = message.split_once('\n').unwrap();
                    let id = id.strip_prefix("id: ").unwrap().parse().unwrap();
                    let picture = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
                    self.read = rest.to_owned();
                    return (id, picture);
                }
                let chunk = self.response.chunk().await.unwrap().expect("the stream goes on");
                self.read.push_str(std::str::from_utf8(&chunk).unwrap());
            }
        };
        tokio::time::timeout(PATIENCE, whole).await.expect("a picture comes")
    }

    /// The first picture from now on whose block shows these words.
    async fn until(&mut self, block: &str, words: &str) -> (i64, Value) {
        let mut last = String::new();
        for _ in 0..20 {
            let (id, picture) = self.next().await;
            last = shown(&picture, block);
            if last.contains(words) {
                return (id, picture);
            }
        }
        panic!("\"{words}\" never comes; the last picture shows {last}");
    }
}

/// The words of a block.
fn shown(picture: &Value, block: &str) -> String {
    html::words(picture["blocks"][block].as_str().unwrap_or_else(|| panic!("no block {block} in {picture}")))
}

async fn a_workflow_is_followed_from_its_present_picture_on(server: TestServer) {
    server.post_events(step("1", "take", "succeeded", "08:00")).await;
    let mut stream = Stream::follow(&server.viewer().await, "workflow:order-to-erp").await;
    let (id, present) = stream.next().await;
    assert_eq!((id, &present["state"]), (1, &json!("on_track")));
    assert_eq!(
        (&present["made"], &present["title"]),
        (&json!("08:00:00"), &json!("On track: Order to ERP · Watchbook"))
    );
    assert!(shown(&present, "answer").contains("Orders are flowing."));
    server
        .post_events(step("1", "push", "failed", "08:00").with("attempt", 3).with("error", json!({"code": "503"})))
        .await;
    let (id, broken) = stream.until("answer", "Push to ERP has failed since 08:00 (503).").await;
    assert_eq!((id, &broken["state"]), (2, &json!("broken")));
    assert!(shown(&broken, "trouble").contains("Look at the queue."));
    assert!(broken["icon"].as_str().unwrap().ends_with("/favicon-broken.svg"));
    server.at("08:01");
    server.post_events(step("1", "push", "succeeded", "08:01").with("attempt", 4)).await;
    let (_, fine) = stream.until("answer", "Last one finished 08:01.").await;
    assert_eq!((&fine["state"], &fine["made"]), (&json!("on_track"), &json!("08:01:00")));
}

async fn now_follows_what_happens_anywhere(server: TestServer) {
    let mut stream = Stream::follow(&server.viewer().await, "now").await;
    stream.next().await;
    server.post_events(step("1", "knead", "failed", "08:00").with("workflow", "bakery")).await;
    let (_, picture) = stream.until("answer", "1 workflow needs a person").await;
    assert_eq!(picture["state"], "broken");
}

async fn a_run_is_followed_through_its_story(server: TestServer) {
    server.post_events(step("a/b", "take", "running", "08:00")).await;
    let mut stream = Stream::follow(&server.viewer().await, "run:order-to-erp%2Fa%2Fb").await;
    assert!(shown(&stream.next().await.1, "story").contains("Take the order started"));
    server.post_events(step("a/b", "take", "succeeded", "08:00")).await;
    stream.until("story", "Take the order finished").await;
}

async fn many_who_follow_get_the_same_picture(server: TestServer) {
    let viewer = server.viewer().await;
    let mut streams = Vec::new();
    for _ in 0..20 {
        streams.push(Stream::follow(&viewer, "workflow:order-to-erp").await);
    }
    server.post_events(step("1", "push", "failed", "08:00").with("attempt", 3)).await;
    let mut pictures = Vec::new();
    for stream in &mut streams {
        pictures.push(stream.until("answer", "Push to ERP has failed").await);
    }
    pictures.dedup();
    assert_eq!(pictures.len(), 1);
}

async fn a_change_of_the_book_reaches_every_stream(server: TestServer) {
    let mut stream = Stream::follow(&server.viewer().await, "workflow:order-to-erp").await;
    stream.next().await;
    let text = std::fs::read_to_string(server.shelf.folder().join("order-to-erp.yaml")).unwrap();
    server.shelf.write("order-to-erp.yaml", &text.replace("name: Order to ERP", "name: Orders to the ERP"));
    server.take_over_the_book().await;
    stream.until("answer", "Orders to the ERP").await;
}

/// What a page says it knows, for its stream.
fn since(page: &str) -> &str {
    let (_, props) = page.split_once("&quot;since&quot;:").or_else(|| page.split_once("\"since\":")).expect(page);
    &props[..props.find(|c: char| !c.is_ascii_digit()).expect(props)]
}

async fn a_page_is_never_turned_back_by_an_older_picture(server: TestServer) {
    server.post_events(step("1", "take", "succeeded", "08:00")).await;
    let viewer = server.viewer().await;
    // Somebody follows the workflow already: the picture that is there is younger than a second, so no new one is made yet.
    let mut early = Stream::follow(&viewer, "workflow:order-to-erp").await;
    early.next().await;
    server
        .post_events(step("1", "push", "failed", "08:00").with("attempt", 3).with("error", json!({"code": "503"})))
        .await;
    let page = viewer.get("/workflows/order-to-erp").await.expect(200).text;
    assert!(page.contains("Push to ERP has failed since 08:00"));
    let mut stream = Stream::follow_since(&viewer, "workflow:order-to-erp", since(&page)).await;
    let (_, first) = stream.next().await;
    assert_eq!(first["state"], "broken");
}

async fn what_cannot_be_followed_is_404(server: TestServer) {
    let viewer = server.viewer().await;
    for topic in ["everything", "book", "run:order-to-erp", "", "now,sources"] {
        viewer.get(&format!("/live?topics={topic}")).await.problem(404);
    }
    // These are no things at all, or have no stream of their own: that must be said, and not keep a browser waiting.
    for topic in ["component:none", "workflow:none", "run:order-to-erp/none"] {
        let answer = tokio::time::timeout(Duration::from_secs(5), viewer.get(&format!("/live?topics={topic}"))).await;
        answer.unwrap_or_else(|_| panic!("{topic} keeps waiting")).problem(404);
    }
}

async fn a_token_for_reading_may_follow(server: TestServer) {
    let mut stream = Stream::follow(&server.program(&server.read), "sources").await;
    assert_eq!(stream.next().await.0, 0);
}
