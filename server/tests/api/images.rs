//! Images of runbooks: added in the editor, written beside the file, shown, kept with the versions, or refused.

use serde_json::json;

use crate::support::html;
use crate::support::shelf::erp_refuses_orders;
use crate::support::{Answer, Client, TestServer, on_both_databases};

on_both_databases![
    an_image_is_added_saved_written_and_shown,
    an_image_of_the_folder_is_shown_and_an_old_version_shows_the_old_one,
    a_script_is_told_what_to_write,
    what_is_no_image_is_refused_with_a_sentence_and_the_text_stays,
    an_image_of_another_content_gets_another_name,
    an_svg_is_served_so_that_it_cannot_run,
    an_image_that_is_not_there_says_so,
    who_may_not_edit_adds_no_image,
    a_new_runbook_takes_images_once_it_has_a_name,
];

const SLUG: &str = "/runbooks/erp-refuses-orders";
const FILE: &str = "erp-refuses-orders.md";
const SVG: &[u8] = b"<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>";

/// A PNG of 2 by 3 points, or what begins like one; `more` tells one from another.
fn png(more: &[u8]) -> Vec<u8> {
    [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x02\0\0\0\x03\x08\x06\0\0\0", more].concat()
}

/// Sends the editor's form as a browser does with an image in it.
async fn add(client: &Client, path: &str, fields: &[(&str, &str)], image: (&str, &[u8]), accept: &str) -> Answer {
    let mut body = Vec::new();
    for (name, value) in fields {
        body.extend(
            format!("--edge\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").into_bytes(),
        );
    }
    let head = "--edge\r\nContent-Disposition: form-data; name=\"image\"; filename=";
    body.extend(format!("{head}\"{}\"\r\nContent-Type: image/png\r\n\r\n", image.0).into_bytes());
    body.extend(image.1);
    body.extend(b"\r\n--edge--\r\n");
    let headers =
        [("content-type", "multipart/form-data; boundary=edge"), ("accept", accept), ("sec-fetch-site", "same-origin")];
    client.send(path, &headers, body).await
}

async fn add_to_runbook(client: &Client, image: (&str, &[u8])) -> Answer {
    let text = erp_refuses_orders().markdown();
    let fields = [("base", "1"), ("text", text.as_str()), ("why", "Because"), ("image_words", "The [queue]")];
    add(client, &format!("{SLUG}/edit/image"), &fields, image, "text/html").await
}

fn shown(page: &str) -> Vec<(String, String)> {
    let images = html::tags(page).into_iter().filter(|t| t.name == "img");
    images.map(|t| (t.get("src").unwrap().to_owned(), t.get("alt").unwrap().to_owned())).collect()
}

async fn an_image_is_added_saved_written_and_shown(server: TestServer) {
    let editor = server.editor().await;
    let bytes = png(b"one");
    let answer = add_to_runbook(&editor, ("Queue view.PNG", &bytes)).await.expect(200);
    let form = html::forms(&answer.text, &format!("{SLUG}/edit")).remove(0);
    let text = form.get("text").unwrap().to_owned();
    assert!(text.ends_with("\n![The queue](erp-refuses-orders/queue-view.png)\n"), "{text}");
    assert_eq!((form.get("why"), form.get("base")), (Some("Because"), Some("1")));
    // The preview shows it already; nothing is written before the text is saved.
    assert_eq!(shown(&answer.text).len(), 1);
    let path = server.shelf.folder().join("erp-refuses-orders/queue-view.png");
    assert!(!path.exists());
    editor.post(&form.action, &form.filled(&[], ("action", "save"))).await.expect(303);
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
    assert_eq!(std::fs::read_to_string(server.shelf.folder().join(FILE)).unwrap(), text);
    let page = editor.page(SLUG).await;
    let image = html::tags(&page).into_iter().find(|t| t.name == "img").unwrap();
    assert_eq!((image.get("width"), image.get("height"), image.get("alt")), (Some("2"), Some("3"), Some("The queue")));
    let served = editor.get(image.get("src").unwrap()).await.expect(200);
    assert_eq!((served.header("content-type"), served.header("x-content-type-options")), ("image/png", "nosniff"));
    assert!(served.header("content-security-policy").contains("sandbox"));
    assert!(served.header("cache-control").contains("immutable"));
    // The file that came from here is nothing new.
    server.take_over_the_book().await;
    assert_eq!(server.json(SLUG).await["version"], 2);
    assert_eq!(shown(&editor.page(SLUG).await), shown(&page));
}

async fn an_image_of_the_folder_is_shown_and_an_old_version_shows_the_old_one(server: TestServer) {
    std::fs::create_dir_all(server.shelf.folder().join("pictures")).unwrap();
    let path = server.shelf.folder().join("pictures/a b.png");
    std::fs::write(&path, png(b"old")).unwrap();
    let text = |words: &str| {
        erp_refuses_orders().where_section("Background", &format!("{words}\n\n![A](pictures/a%20b.png)")).markdown()
    };
    server.at("08:10");
    server.shelf.write(FILE, &text("Old."));
    server.take_over_the_book().await;
    let viewer = server.viewer().await;
    let old = shown(&viewer.page(SLUG).await);
    assert_eq!(old.len(), 1);
    // Another image at the same place, with another text.
    server.at("08:20");
    std::fs::write(&path, png(b"newer")).unwrap();
    server.shelf.write(FILE, &text("New."));
    server.take_over_the_book().await;
    let new = shown(&viewer.page(SLUG).await);
    assert_ne!(new, old);
    assert_eq!(shown(&viewer.page(&format!("{SLUG}/versions/2")).await), old);
    viewer.get(&old[0].0).await.expect(200);
    // It is kept with the versions: without the file it still shows.
    std::fs::remove_file(&path).unwrap();
    server.take_over_the_book().await;
    assert_eq!(shown(&viewer.page(SLUG).await), new);
    // An image alone that changes is noticed, too.
    std::fs::write(&path, png(b"newest of all")).unwrap();
    let mut seen = None;
    watchbook::book::look(&server.app, server.shelf.folder(), &mut seen).await;
    server.at("08:30");
    std::fs::write(&path, png(b"newest of all, again")).unwrap();
    watchbook::book::look(&server.app, server.shelf.folder(), &mut seen).await;
    assert_ne!(shown(&viewer.page(SLUG).await), new);
}

async fn a_script_is_told_what_to_write(server: TestServer) {
    let editor = server.editor().await;
    let path = format!("{SLUG}/edit/image");
    let told = add(&editor, &path, &[], ("image.png", &png(b"one")), "application/json").await.expect(200).json();
    assert_eq!(told["markdown"], "![image](erp-refuses-orders/image.png)");
    let refused = add(&editor, &path, &[], ("x.png", b"GIF89a"), "application/json").await.problem(422);
    assert_eq!(refused["detail"], "This is not a PNG, JPEG, WebP or SVG image. Only these can be shown.");
}

async fn what_is_no_image_is_refused_with_a_sentence_and_the_text_stays(server: TestServer) {
    let editor = server.editor().await;
    let large = vec![0; 2 * 1024 * 1024 + 1];
    for (image, told) in [
        (("x.png", &b"<html><script>alert(1)</script>"[..]), "This is not a PNG, JPEG, WebP or SVG image."),
        (("x.png", &png(b"")[..20]), "begins like a PNG image and is not whole"),
        (("x.png", &large), "at most 2 MB can be kept"),
        (("", b""), "Choose an image first."),
    ] {
        let refused = add_to_runbook(&editor, image).await.expect(422);
        let words = html::words(&refused.text);
        assert!(words.contains(told), "{told}: {words}");
        let form = html::forms(&refused.text, &format!("{SLUG}/edit")).remove(0);
        assert_eq!(form.get("text"), Some(erp_refuses_orders().markdown().as_str()));
        assert_eq!(form.get("why"), Some("Because"));
    }
}

async fn an_image_of_another_content_gets_another_name(server: TestServer) {
    let editor = server.editor().await;
    let path = format!("{SLUG}/edit/image");
    let mut names = Vec::new();
    for more in [&b"one"[..], b"two", b"one"] {
        let told = add(&editor, &path, &[], ("image.png", &png(more)), "application/json").await.expect(200).json();
        names.push(told["path"].as_str().unwrap().to_owned());
    }
    assert_eq!((names[0].as_str(), &names[2]), ("erp-refuses-orders/image.png", &names[0]));
    assert!(names[1].starts_with("erp-refuses-orders/image-") && names[1].ends_with(".png"), "{names:?}");
}

async fn an_svg_is_served_so_that_it_cannot_run(server: TestServer) {
    let editor = server.editor().await;
    let answer = add_to_runbook(&editor, ("x.png", SVG)).await.expect(200);
    // Its bytes say what it is, not its name.
    assert!(html::words(&answer.text).contains("The queue") || answer.text.contains("erp-refuses-orders/x.svg"));
    let (src, _) = shown(&answer.text).remove(0);
    let served = editor.get(&src).await.expect(200);
    assert_eq!(served.header("content-type"), "image/svg+xml");
    let policy = served.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'") && policy.contains("; sandbox;") && !policy.contains("script"));
    // Nobody reads it who may not read runbooks.
    server.stranger().get(&src).await.expect(303);
    editor.get("/images/0000").await.expect(404);
}

async fn an_image_that_is_not_there_says_so(server: TestServer) {
    std::fs::write(server.folder().join("outside.svg"), SVG).unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(server.folder().join("outside.svg"), server.shelf.folder().join("link.svg")).unwrap();
    let images = "![Gone](gone.png) ![Out](../outside.svg) ![Link](link.svg) ![Web](https://x.example/y.png)";
    server.shelf.write(FILE, &erp_refuses_orders().where_section("Background", images).markdown());
    server.take_over_the_book().await;
    let page = server.viewer().await.page(SLUG).await;
    assert!(shown(&page).is_empty());
    let words = html::words(&page);
    assert!(words.contains("Gone (the image gone.png is not there)"), "{words}");
    assert!(words.contains("Link (the image link.svg is not there)"), "{words}");
}

async fn who_may_not_edit_adds_no_image(server: TestServer) {
    add_to_runbook(&server.operator().await, ("x.png", &png(b""))).await.expect(403);
    let editor = server.editor().await;
    add(&editor, "/runbooks/none/edit/image", &[], ("x.png", &png(b"")), "text/html").await.expect(404);
}

async fn a_new_runbook_takes_images_once_it_has_a_name(server: TestServer) {
    let editor = server.editor().await;
    let image = ("x.png", &png(b"")[..]);
    let refused = add(&editor, "/runbooks/new/image", &[("text", "Mine")], image, "text/html").await.expect(422);
    assert!(html::words(&refused.text).contains("Write the name in its address first"));
    assert_eq!(html::forms(&refused.text, "/runbooks/new")[0].get("text"), Some("Mine"));
    let fields = [("slug", "queue-is-full"), ("text", "---\ntitle: Q\n---\n"), ("why", "x")];
    let answer = add(&editor, "/runbooks/new/image", &fields, image, "text/html").await.expect(200);
    let form = html::forms(&answer.text, "/runbooks/new").remove(0);
    editor.post(&form.action, &form.filled(&[], ("action", "save"))).await.expect(303);
    assert!(server.shelf.folder().join("queue-is-full/x.png").exists());
    assert_eq!(shown(&editor.page("/runbooks/queue-is-full").await).len(), 1);
    assert_eq!(server.json("/runbooks/queue-is-full").await["file"]["state"], json!("written"));
}
