//! The web platform inside hooks, case by case as its standards have it.

#[path = "support/hooked.rs"]
mod hooked;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use evtui::processor::worker::fetch::{Fetcher, Gateway};
use evtui::processor::worker::{Outcome, Worker};
use futures_util::stream;
use hooked::*;
use serde_json::{Value, json};
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::Notify;

/// Each case is the body of an async function and what it gives.
async fn check(cases: &[(&str, Value)]) {
    check_on(&Stream::new(), "", cases).await;
}

async fn check_on(stream: &Arc<Stream>, before: &str, cases: &[(&str, Value)]) {
    let mut body = format!("{before}\nconst results = [];\n");
    for (code, _) in cases {
        let code = if code.contains("return ") {
            (*code).to_owned()
        } else {
            format!("return {code}")
        };
        body.push_str(&format!(
            "results.push(await Promise.race([new Promise(r => setTimeout(r, 5000, 'still waiting')), (async () => {{ {code} }})()]).then(r => r === undefined ? 'undefined' : r, e => `threw ${{e?.name}}: ${{e?.message}}`));\n"
        ));
    }
    body.push_str("return results;");
    let results = eval_on(stream, &body).await;
    for (index, (code, expected)) in cases.iter().enumerate() {
        assert_eq!(results[index], *expected, "{code}");
    }
}

#[tokio::test]
async fn urls() {
    check(&[
        (
            "const u = new URL('../b?x=1#h', 'https://user:p%20w@EXAMPLE.com:8080/a/c'); return [u.href, u.origin, u.protocol, u.username, u.password, u.host, u.hostname, u.port, u.pathname, u.search, u.hash]",
            json!(["https://user:p%20w@example.com:8080/b?x=1#h", "https://example.com:8080", "https:", "user", "p%20w", "example.com:8080", "example.com", "8080", "/b", "?x=1", "#h"]),
        ),
        ("new URL('http://EXÄMPLE.com/ü').href", json!("http://xn--exmple-cua.com/%C3%BC")),
        ("new URL('nope').href", json!("threw TypeError: Invalid URL: nope")),
        ("[URL.canParse('x:y'), URL.canParse('y'), URL.canParse('y', 'http://a/'), URL.parse('y'), URL.parse('http://a').href]", json!([true, false, true, null, "http://a/"])),
        (
            "const u = new URL('http://a/?q=1'); u.searchParams.append('r', 'a b'); u.searchParams.delete('q'); u.hash = 'x'; u.port = '81'; u.pathname = '/p q'; u.host = 'b:1'; return [u.href, String(u), JSON.stringify(u)]",
            json!(["http://b:1/p%20q?r=a+b#x", "http://b:1/p%20q?r=a+b#x", "\"http://b:1/p%20q?r=a+b#x\""]),
        ),
        ("const u = new URL('http://a/?q=1'); const p = u.searchParams; u.search = '?z=2'; return [p.get('z'), p.get('q'), p === u.searchParams]", json!(["2", null, true])),
        ("const u = new URL('http://a/'); u.port = 'x'; u.protocol = 'foo'; u.href; return u.href", json!("http://a/")),
        ("const u = new URL('http://a/?a=1'); u.searchParams.delete('a'); return u.href", json!("http://a/")),
    ])
    .await;
}

#[tokio::test]
async fn search_params() {
    check(&[
        ("[...new URLSearchParams('?a=1&b=x+y&a=%E2%82%AC&c&=d&&e==')]", json!([["a", "1"], ["b", "x y"], ["a", "€"], ["c", ""], ["", "d"], ["e", "="]])),
        ("new URLSearchParams({ q: 'a b&c', n: 1, é: '~*-._!' }).toString()", json!("q=a+b%26c&n=1&%C3%A9=%7E*-._%21")),
        ("new URLSearchParams([['a', 'b'], new Set(['c', 'd'])]).toString()", json!("a=b&c=d")),
        ("new URLSearchParams([['a']])", json!("threw TypeError: URLSearchParams needs pairs of name and value")),
        ("new URLSearchParams(new URLSearchParams('a=1&a=2')).toString()", json!("a=1&a=2")),
        ("const p = new URLSearchParams('b=1&a=2&b=3'); p.sort(); p.set('b', 9); return [p.toString(), p.size, p.has('b', '9'), p.has('b', '1'), p.getAll('b')]", json!(["a=2&b=9", 2, true, false, ["9"]])),
        ("const p = new URLSearchParams('a=1&a=2'); p.delete('a', '1'); const seen = []; p.forEach((v, k) => seen.push(k + v)); return [seen, [...p.keys()], [...p.values()]]", json!([["a2"], ["a"], ["2"]])),
        ("new URLSearchParams('a=%zz%41').get('a')", json!("%zzA")),
        ("new URLSearchParams('a=\\ud800').toString()", json!("a=%EF%BF%BD")),
    ])
    .await;
}

#[tokio::test]
async fn headers() {
    check(&[
        ("const h = new Headers({ 'X-B': ' 1 ', a: 'x' }); h.append('x-b', '2'); return [[...h], h.get('X-b'), h.has('A'), h.get('nope')]", json!([[["a", "x"], ["x-b", "1, 2"]], "1, 2", true, null])),
        ("const h = new Headers([['set-cookie', 'a=1'], ['Set-Cookie', 'b=2']]); return [h.getSetCookie(), [...h.keys()], h.get('set-cookie')]", json!([["a=1", "b=2"], ["set-cookie", "set-cookie"], "a=1, b=2"])),
        ("new Headers({ 'a b': '1' })", json!("threw TypeError: Headers: \"a b\" is no header name")),
        ("return caught(() => new Headers({ a: 'x\\ny' }))", json!("TypeError")),
        ("return caught(() => new Headers({ a: '€' }))", json!("TypeError")),
        ("return caught(() => new Headers([['a', 'b', 'c']]))", json!("TypeError")),
        ("const h = new Headers({ b: '1', a: '2' }); h.delete('B'); h.set('C', 3); const seen = []; h.forEach((v, k) => seen.push(k + v)); return seen", json!(["a2", "c3"])),
        ("new Headers(new Headers({ a: '1' })).get('a')", json!("1")),
    ])
    .await;
}

#[tokio::test]
async fn requests_and_responses() {
    check(&[
        ("const r = new Response('hé'); return [r.status, r.ok, r.headers.get('content-type'), await r.text(), r.bodyUsed, r.type, r.statusText]", json!([200, true, "text/plain;charset=UTF-8", "hé", true, "default", ""])),
        ("return (await Response.json({ a: [1] }, { status: 201 }).json()).a", json!([1])),
        ("Response.json({}).headers.get('content-type')", json!("application/json")),
        ("const r = new Response('x'); await r.text(); return r.text()", json!("threw TypeError: The body was read already")),
        ("const r = new Response('abc'); const c = r.clone(); return [await r.text(), await c.text()]", json!(["abc", "abc"])),
        ("const r = new Response(new ReadableStream({ start(c) { c.enqueue(new Uint8Array([97])); c.enqueue(new Uint8Array([98])); c.close(); } })); const c = r.clone(); return [await r.text(), await c.text()]", json!(["ab", "ab"])),
        ("new Uint8Array(await new Response(new Uint8Array([1, 2, 3]).subarray(1)).arrayBuffer()).join()", json!("2,3")),
        ("return caught(() => new Response(null, { status: 99 }))", json!("RangeError")),
        ("return caught(() => new Response('x', { status: 204 }))", json!("TypeError")),
        ("const r = Response.redirect('http://a/b', 301); return [r.status, r.headers.get('location'), await caught(() => r.headers.set('a', 'b'))]", json!([301, "http://a/b", "TypeError"])),
        ("const r = Response.error(); return [r.type, r.status]", json!(["error", 0])),
        ("const r = new Response(null); return [r.body, await r.text()]", json!([null, ""])),
        ("return await new Response('{').json().catch(e => e.name)", json!("SyntaxError")),
        ("return await new Response('\\ufeffx').text()", json!("x")),
        ("const r = new Response(new URLSearchParams({ a: 'b c' })); return [r.headers.get('content-type'), await r.text()]", json!(["application/x-www-form-urlencoded;charset=UTF-8", "a=b+c"])),
        ("const r = new Request('http://a/b', { method: 'post', body: 'x', headers: { a: '1' } }); return [r.method, r.url, await r.text(), r.headers.get('a'), r.redirect, r.signal.aborted, r.mode]", json!(["POST", "http://a/b", "x", "1", "follow", false, "cors"])),
        ("return caught(() => new Request('http://a', { body: 'x' }))", json!("TypeError")),
        ("return caught(() => new Request('/relative'))", json!("TypeError")),
        ("return caught(() => new Request('http://a', { method: 'CONNECT' }))", json!("TypeError")),
        ("['delete', 'get', 'put', 'patch', 'Custom'].map(method => new Request('http://a', { method }).method)", json!(["DELETE", "GET", "PUT", "patch", "Custom"])),
        ("const r = new Response('x'); r.body.getReader(); return [r.bodyUsed, await caught(() => r.text()), await caught(() => r.clone())]", json!([false, "TypeError", "TypeError"])),
        ("const r = new Request('http://a', { method: 'POST', body: 'x' }); await r.text(); return [r.bodyUsed, await caught(() => new Request(r)), await caught(() => r.clone())]", json!([true, "TypeError", "TypeError"])),
        ("const r = new Response('abc'); const reader = r.body.getReader(); const seen = []; for (;;) { const { value, done } = await reader.read(); if (done) break; seen.push(...value); } return [seen, r.bodyUsed]", json!([[97, 98, 99], true])),
        ("return [await caught(() => Response.json(undefined)), await caught(() => Response.redirect('http://a', 200)), await caught(() => new Request('http://a', { redirect: 'x' })), new Request('http://a/#f').url]", json!(["TypeError", "RangeError", "TypeError", "http://a/#f"])),
        ("[String(new Response()), String(new Request('http://a')), String(new Headers()), String(new AbortController().signal), String(new ReadableStream())]", json!(["[object Response]", "[object Request]", "[object Headers]", "[object AbortSignal]", "[object ReadableStream]"])),
        ("return caught(() => new Request('http://u:p@a'))", json!("TypeError")),
        ("const a = new Request('http://a', { method: 'PUT', body: 'x' }); const b = new Request(a, { headers: { z: '1' } }); return [b.method, await b.text(), a.bodyUsed]", json!(["PUT", "x", true])),
        ("const a = new Request('http://a', { method: 'PUT', body: 'x' }); const b = a.clone(); return [await a.text(), await b.text(), b.method]", json!(["x", "x", "PUT"])),
    ])
    .await;
}

#[tokio::test]
async fn streams() {
    let before = "
        const from = (...items) => new ReadableStream({ start(c) { for (const i of items) c.enqueue(i); c.close(); } });
        const all = async s => { const seen = []; for await (const x of s) seen.push(x); return seen; };";
    check_on(&Stream::new(), before, &[
        ("return all(from(1, 2, 3))", json!([1, 2, 3])),
        ("const r = from(1).getReader(); return [await r.read(), await r.read(), await r.closed.then(() => 'closed')]", json!([{ "value": 1, "done": false }, { "done": true }, "closed"])),
        ("let n = 0; const s = new ReadableStream({ pull(c) { n++; c.enqueue(n); if (n === 3) c.close(); } }); return [await all(s), n]", json!([[1, 2, 3], 3])),
        ("let n = 0; new ReadableStream({ pull(c) { c.enqueue(n++); } }, { highWaterMark: 3 }); await new Promise(r => setTimeout(r)); return n", json!(3)),
        ("let why; const s = new ReadableStream({ cancel(r) { why = r; } }); await s.cancel('enough'); return [why, s.locked, (await s.getReader().read()).done]", json!(["enough", false, true])),
        ("let canceled = false; const s = new ReadableStream({ pull(c) { c.enqueue(1); }, cancel() { canceled = true; } }); for await (const x of s) break; return [canceled, s.locked]", json!([true, false])),
        ("const s = new ReadableStream({ pull(c) { c.enqueue(1); } }); for await (const x of s.values({ preventCancel: true })) break; return (await s.getReader().read()).value", json!(1)),
        ("const s = from(1); s.getReader(); return [s.locked, await caught(() => s.getReader()), await caught(() => s.cancel())]", json!([true, "TypeError", "TypeError"])),
        ("const s = from(1, 2); const r = s.getReader(); await r.read(); r.releaseLock(); return [await caught(() => r.read()), await all(s)]", json!(["TypeError", [2]])),
        ("const s = new ReadableStream({ pull() { throw new RangeError('bad'); } }); return [await caught(() => s.getReader().read())]", json!(["RangeError"])),
        ("const s = new ReadableStream({ start(c) { c.error(new RangeError('x')); } }); return caught(() => all(s))", json!("RangeError")),
        ("const [a, b] = from(1, 2).tee(); return [await all(a), await all(b)]", json!([[1, 2], [1, 2]])),
        ("let why; const [a, b] = new ReadableStream({ cancel(r) { why = r; } }).tee(); await Promise.all([a.cancel(1), b.cancel(2)]); return why", json!([1, 2])),
        ("return all(ReadableStream.from(['a', Promise.resolve('b')]))", json!(["a", "b"])),
        ("return all(ReadableStream.from((async function* () { yield 1; yield 2; })()))", json!([1, 2])),
        ("return all(from(1, 2, 3).pipeThrough(new TransformStream({ transform(x, c) { c.enqueue(x * 2); c.enqueue(0); }, flush(c) { c.enqueue('end'); } })))", json!([2, 0, 4, 0, 6, 0, "end"])),
        ("return all(from(1, 2).pipeThrough(new TransformStream()))", json!([1, 2])),
        ("return caught(() => all(from(1).pipeThrough(new TransformStream({ transform() { throw new RangeError('t'); } }))))", json!("RangeError")),
        ("return all(from('é', '€😀').pipeThrough(new TextEncoderStream()).pipeThrough(new TextDecoderStream())).then(x => x.join(''))", json!("é€😀")),
        ("const bytes = new TextEncoder().encode('a€😀b'); return (await all(from(...[...bytes].map(b => new Uint8Array([b]))).pipeThrough(new TextDecoderStream()))).join('|')", json!("a|€|😀|b")),
        ("const seen = []; let closed = false; await from(1, 2).pipeTo(new WritableStream({ write(x) { seen.push(x); }, close() { closed = true; } })); return [seen, closed]", json!([[1, 2], true])),
        ("let why; const s = new ReadableStream({ pull(c) { c.enqueue(1); }, cancel(r) { why = r.message; } }); return [await caught(() => s.pipeTo(new WritableStream({ write() { throw new RangeError('full'); } }))), why]", json!(["RangeError", "full"])),
        ("let why; const s = new ReadableStream({ start(c) { c.error(new RangeError('src')); } }); return [await caught(() => s.pipeTo(new WritableStream({ abort(r) { why = r.message; } }))), why]", json!(["RangeError", "src"])),
        ("const c = new AbortController(); const p = new ReadableStream({}).pipeTo(new WritableStream(), { signal: c.signal }); c.abort(); return caught(() => p)", json!("AbortError")),
        ("const w = new WritableStream({}, { highWaterMark: 2 }).getWriter(); const d = [w.desiredSize]; w.write(1); d.push(w.desiredSize); await w.ready; await w.close(); return [d, await w.closed.then(() => 'closed'), await caught(() => w.write(2))]", json!([[2, 1], "closed", "TypeError"])),
        ("new ByteLengthQueuingStrategy({ highWaterMark: 5 }).size(new Uint8Array(3))", json!(3)),
        ("return caught(() => new ReadableStreamDefaultController())", json!("TypeError")),
        ("const log = []; const s = new ReadableStream({ pull(c) { log.push('pull'); c.enqueue(1); }, cancel(r) { log.push(r); } }, { highWaterMark: 0 }); const r = s.getReader(); await r.read(); await r.cancel('enough'); return log", json!(["pull", "enough"])),
        ("let c; new ReadableStream({ start(k) { c = k; } }, { highWaterMark: 7 }); const d = c.desiredSize; c.close(); return [d, c.desiredSize, await caught(() => c.enqueue(1)), await caught(() => c.close())]", json!([7, 0, "TypeError", "TypeError"])),
        ("const t = new TransformStream({ transform(x, c) { c.enqueue(x + 1); } }); const w = t.writable.getWriter(); w.write(1); w.write(2); w.close(); return all(t.readable)", json!([2, 3])),
        ("const t = new TransformStream({ start(c) { c.enqueue('first'); }, transform(x, c) { c.terminate(); } }); const w = t.writable.getWriter(); const p = [caught(() => w.write(1)), caught(() => w.write(2))]; return [await all(t.readable), ...await Promise.all(p)]", json!([["first"], "nothing thrown", "TypeError"])),
        ("const seen = []; const w = new WritableStream({ write(x) { seen.push(x); }, abort(r) { seen.push(`abort ${r}`); } }).getWriter(); await w.write(1); await w.abort('why'); return [seen, await w.write(2).catch(e => e)]", json!([[1, "abort why"], "why"])),
        ("return caught(() => all(from(new Uint8Array([0xff])).pipeThrough(new TextDecoderStream('utf-8', { fatal: true }))))", json!("TypeError")),
        ("return all(from(new Uint8Array([0xe2, 0x82])).pipeThrough(new TextDecoderStream())).then(x => x.join(''))", json!("\u{fffd}")),
    ])
    .await;
}

#[tokio::test]
async fn aborting_and_events() {
    check(&[
        ("const c = new AbortController(); const seen = []; c.signal.onabort = e => seen.push(e.type); c.signal.addEventListener('abort', () => seen.push(c.signal.aborted)); c.abort(); c.abort(); return [seen, c.signal.reason.name, c.signal.reason.message]", json!([["abort", true], "AbortError", "This operation was aborted"])),
        ("const c = new AbortController(); c.abort('why'); return [c.signal.reason, await c.signal.throwIfAborted()]", json!("threw undefined: undefined")),
        ("const s = AbortSignal.abort(); return [s.aborted, s.reason instanceof DOMException, s.reason instanceof Error, s.reason.code]", json!([true, true, true, 20])),
        ("const s = AbortSignal.timeout(1); await new Promise(r => s.addEventListener('abort', r)); return [s.reason.name, s.reason.code]", json!(["TimeoutError", 23])),
        ("const a = new AbortController(), b = new AbortController(); const s = AbortSignal.any([a.signal, b.signal]); const t = AbortSignal.any([s]); b.abort(5); return [s.aborted, s.reason, t.reason, a.signal.aborted]", json!([true, 5, 5, false])),
        ("AbortSignal.any([AbortSignal.abort(7)]).reason", json!(7)),
        ("return caught(() => new AbortSignal())", json!("TypeError")),
        ("const t = new EventTarget(); const seen = []; const f = e => seen.push(e.type); t.addEventListener('x', f, { once: true }); t.addEventListener('x', f); t.dispatchEvent(new Event('x')); t.dispatchEvent(new Event('x')); return seen", json!(["x"])),
        ("const t = new EventTarget(); const seen = []; t.addEventListener('x', e => { e.preventDefault(); e.stopImmediatePropagation(); }); t.addEventListener('x', () => seen.push(1)); return [t.dispatchEvent(new Event('x', { cancelable: true })), seen]", json!([false, []])),
        ("const t = new EventTarget(); const c = new AbortController(); let n = 0; t.addEventListener('x', { handleEvent() { n++; } }, { signal: c.signal }); t.dispatchEvent(new Event('x')); c.abort(); t.dispatchEvent(new Event('x')); return n", json!(1)),
        ("new CustomEvent('x', { detail: 5 }).detail", json!(5)),
        ("const e = new DOMException('m', 'NotFoundError'); return [String(e), e.code, e.name]", json!(["NotFoundError: m", 8, "NotFoundError"])),
    ])
    .await;
}

#[tokio::test]
async fn timers_and_microtasks() {
    check(&[
        ("const seen = []; setTimeout(() => seen.push('t')); queueMicrotask(() => seen.push('m')); Promise.resolve().then(() => seen.push('p')); seen.push('s'); await new Promise(r => setTimeout(r, 5)); return seen", json!(["s", "m", "p", "t"])),
        ("const seen = []; setTimeout(x => seen.push(x), 4, 'b'); setTimeout((...x) => seen.push(...x), 1, 'a', 'c'); await new Promise(r => setTimeout(r, 10)); return seen", json!(["a", "c", "b"])),
        ("const t = setTimeout(() => { throw 1; }, 1); clearTimeout(t); clearTimeout(undefined); clearTimeout(12345); await new Promise(r => setTimeout(r, 5)); return 'ok'", json!("ok")),
        ("let n = 0; await new Promise(r => { const t = setInterval(() => { if (++n === 3) { clearInterval(t); r(); } }, 1); }); return n", json!(3)),
        ("const t = setTimeout(() => {}, 1e6); clearTimeout(+t); return typeof +t", json!("number")),
        ("let s = false; setImmediate(() => { s = true; }); await new Promise(r => setTimeout(r, 5)); return s", json!(true)),
        ("return caught(() => setTimeout('code'))", json!("TypeError")),
        ("const a = performance.now(); await new Promise(r => setTimeout(r, 5)); const b = performance.now(); return [b - a >= 4, Math.abs(performance.timeOrigin + b - Date.now()) < 1000]", json!([true, true])),
    ])
    .await;
}

#[tokio::test]
async fn text_chance_and_clones() {
    check(&[
        ("btoa('hé') + atob(' aGk= ') + atob('aGk')", json!("aOk=hihi")),
        ("return [await caught(() => btoa('€')), await caught(() => atob('a')), await caught(() => atob('ab=c')), await caught(() => atob('a==='))]", json!(["InvalidCharacterError", "InvalidCharacterError", "InvalidCharacterError", "InvalidCharacterError"])),
        ("const d = new TextDecoder(); return d.decode(new Uint8Array([0xe2, 0x82]), { stream: true }) + d.decode(new Uint8Array([0xac, 0xf0]), { stream: true }) + d.decode()", json!("€\u{fffd}")),
        ("new TextDecoder('utf-8', { ignoreBOM: true }).decode(new Uint8Array([0xef, 0xbb, 0xbf, 97])).length", json!(2)),
        ("const d = new TextDecoder(); return [d.decode(new Uint8Array([0xef, 0xbb]), { stream: true }), d.decode(new Uint8Array([0xbf, 97]), { stream: true }), d.decode(new Uint8Array([0xef, 0xbb, 0xbf])).length]", json!(["", "a", 1])),
        ("return caught(() => new TextDecoder('utf-8', { fatal: true }).decode(new Uint8Array([0xc0])))", json!("TypeError")),
        ("return caught(() => new TextDecoder('shift_jis'))", json!("RangeError")),
        ("new TextDecoder().decode(new DataView(new Uint8Array([97, 98, 99]).buffer, 1))", json!("bc")),
        ("const t = new Uint8Array(4); const r = new TextEncoder().encodeInto('a€😀', t); return [r.read, r.written, [...t]]", json!([2, 4, [97, 226, 130, 172]])),
        ("[...new TextEncoder().encode('\\ud800')]", json!([239, 191, 189])),
        ("const u = crypto.randomUUID(); return [/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(u), u !== crypto.randomUUID()]", json!([true, true])),
        ("const a = crypto.getRandomValues(new Uint32Array(64)); return [a.length, new Set(a).size > 60]", json!([64, true])),
        ("const o = { d: new Date(5), m: new Map([[1, new Set([2])]]), b: new Uint8Array([1]) }; o.self = o; const c = structuredClone(o); return [c !== o, c.self === c, +c.d, c.m.get(1).has(2), c.b[0]]", json!([true, true, 5, true, 1])),
        ("return caught(() => structuredClone(() => 1))", json!("DataCloneError")),
        ("const b = new Uint8Array([1, 2, 3]).buffer; const v = new Uint8Array(b, 1); const c = structuredClone({ b, v }, { transfer: [b] }); return [b.byteLength, c.b.byteLength, [...c.v], c.v.buffer === c.b]", json!([0, 3, [2, 3], true])),
        ("const b = new ArrayBuffer(2); return [await caught(() => structuredClone({ b, f() {} }, { transfer: [b] })), b.byteLength, await caught(() => structuredClone(1, { transfer: [b, b] })), await caught(() => structuredClone(1, { transfer: [{}] })), b.byteLength]", json!(["DataCloneError", 2, "DataCloneError", "DataCloneError", 2])),
        ("const s = {}; const c = structuredClone([s, s, , 10n, /a/gi, new TypeError('t')]); return [c[0] === c[1], 2 in c, c[3] === 10n, c[4].flags, c[5] instanceof TypeError, c[5].message]", json!([true, false, true, "gi", true, "t"])),
        ("return [await caught(() => crypto.getRandomValues(new Float32Array(1))), await caught(() => crypto.getRandomValues(new Uint8Array(65537))), await caught(() => crypto.getRandomValues([1])), await caught(() => crypto.getRandomValues())]", json!(["TypeMismatchError", "QuotaExceededError", "TypeError", "TypeError"])),
        ("const a = new Uint8Array(256); const b = new BigUint64Array(4); return [crypto.getRandomValues(a) === a, a.some(x => x > 0), crypto.getRandomValues(b).some(x => x > 0n), String(crypto)]", json!([true, true, true, "[object Crypto]"])),
        ("[DOMException.ABORT_ERR, DOMException.INDEX_SIZE_ERR, DOMException.URL_MISMATCH_ERR, new DOMException('').DATA_CLONE_ERR]", json!([20, 1, 21, 25])),
        ("[Math.random() !== Math.random(), new Date().getFullYear() > 2023, typeof Date.now()]", json!([true, true, "number"])),
    ])
    .await;
}

/// A server for the cases of fetch.
struct Site {
    base: String,
    /// Lets the second chunk of `/slow` go.
    go: Arc<Notify>,
    /// Bodies of `/slow` that were dropped before their end.
    dropped: Arc<AtomicUsize>,
}

async fn site() -> Site {
    let go = Arc::new(Notify::new());
    let dropped = Arc::new(AtomicUsize::new(0));
    let echo = |request: Request| async move {
        let (parts, body) = request.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let headers: Vec<_> = parts
            .headers
            .iter()
            .map(|(n, v)| {
                (
                    n.as_str().to_owned(),
                    String::from_utf8_lossy(v.as_bytes()).into_owned(),
                )
            })
            .collect();
        json!({
            "method": parts.method.as_str(), "path": parts.uri.to_string(),
            "headers": serde_json::Map::from_iter(headers.into_iter().map(|(n, v)| (n, v.into()))),
            "body": String::from_utf8_lossy(&body),
        })
        .to_string()
    };
    let redirect = |status: u16, to: &'static str| {
        any(move || async move {
            (
                StatusCode::from_u16(status).unwrap(),
                [(header::LOCATION, to)],
            )
        })
    };
    let slow = {
        let (go, dropped) = (go.clone(), dropped.clone());
        move || {
            let (go, dropped) = (go.clone(), dropped.clone());
            async move {
                struct Counts(Arc<AtomicUsize>, Arc<Notify>);
                impl Drop for Counts {
                    fn drop(&mut self) {
                        self.0.fetch_add(1, Ordering::SeqCst);
                        self.1.notify_one();
                    }
                }
                let counts = Counts(dropped, Arc::new(Notify::new()));
                let chunks = stream::unfold((0, go, counts), |(n, go, counts)| async move {
                    if n == 1 {
                        go.notified().await;
                    }
                    (n < 3).then(|| {
                        let chunk = Bytes::from(format!("chunk{n};"));
                        (Ok::<_, Infallible>(chunk), (n + 1, go, counts))
                    })
                });
                Body::from_stream(chunks).into_response()
            }
        }
    };
    let router = Router::new()
        .route("/echo", any(echo))
        .route("/text", get(|| async { "plain" }))
        .route(
            "/status/{code}",
            any(
                |axum::extract::Path(code): axum::extract::Path<u16>| async move {
                    StatusCode::from_u16(code).unwrap()
                },
            ),
        )
        .route(
            "/cookies",
            get(|| async {
                let mut headers = HeaderMap::new();
                headers.append("set-cookie", "a=1".parse().unwrap());
                headers.append("set-cookie", "b=2".parse().unwrap());
                headers.append(
                    "x-latin",
                    axum::http::HeaderValue::from_bytes(b"\xe9").unwrap(),
                );
                (headers, "")
            }),
        )
        .route("/301", redirect(301, "/echo"))
        .route("/303", redirect(303, "/echo"))
        .route("/307", redirect(307, "echo?x"))
        .route("/loop", redirect(302, "/loop"))
        .route("/to-file", redirect(302, "file:///etc/passwd"))
        .route(
            "/to-metadata",
            redirect(302, "http://169.254.169.254/latest"),
        )
        .route("/hang", get(std::future::pending::<Response>))
        .route("/slow", get(slow));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    Site { base, go, dropped }
}

#[tokio::test]
async fn fetching() {
    let site = site().await;
    let before = format!("const base = {:?};", site.base);
    let agent = concat!("evtui/", env!("CARGO_PKG_VERSION"));
    check_on(&Stream::new(), &before, &[
        ("const r = await fetch(base + '/text'); return [r.ok, r.status, r.statusText, r.type, r.redirected, r.url === base + '/text', await r.text()]", json!([true, 200, "OK", "basic", false, true, "plain"])),
        ("const r = await fetch(base + '/echo', { method: 'POST', body: JSON.stringify({ a: 1 }), headers: { 'Content-Type': 'application/json', 'X-A': 'b' } }); const e = await r.json(); return [e.method, e.body, e.headers['content-type'], e.headers['x-a'], e.headers.accept, e.headers['content-length']]", json!(["POST", "{\"a\":1}", "application/json", "b", "*/*", "7"])),
        ("const e = await (await fetch(new Request(base + '/echo?q=1#frag'))).json(); return [e.method, e.path, e.headers['user-agent']]", json!(["GET", "/echo?q=1", agent])),
        ("const e = await (await fetch(new URL(base + '/echo'), { method: 'PUT', body: new ReadableStream({ async start(c) { for (const x of ['a', 'b']) { await 0; c.enqueue(new TextEncoder().encode(x)); } c.close(); } }), duplex: 'half' })).json(); return [e.method, e.body, e.headers['transfer-encoding']]", json!(["PUT", "ab", "chunked"])),
        ("const r = await fetch(base + '/status/404'); return [r.ok, r.status, r.statusText]", json!([false, 404, "Not Found"])),
        ("const r = await fetch(base + '/status/204'); return [r.status, r.body]", json!([204, null])),
        ("const r = await fetch(base + '/text', { method: 'HEAD' }); return [r.status, r.body, await r.text()]", json!([200, null, ""])),
        ("const r = await fetch(base + '/cookies'); return [r.headers.getSetCookie(), r.headers.get('x-latin'), await caught(() => r.headers.set('a', 'b'))]", json!([["a=1", "b=2"], "é", "TypeError"])),
        ("const r = await fetch(base + '/301', { method: 'POST', body: 'x' }); const e = await r.json(); return [r.redirected, r.url === base + '/echo', e.method, e.body]", json!([true, true, "GET", ""])),
        ("const e = await (await fetch(base + '/303', { method: 'PUT', body: 'x', headers: { 'content-type': 'a/b' } })).json(); return [e.method, e.body, e.headers['content-type'] ?? null]", json!(["GET", "", null])),
        ("const e = await (await fetch(base + '/307', { method: 'POST', body: 'x' })).json(); return [e.method, e.body, e.path]", json!(["POST", "x", "/echo?x"])),
        ("const r = await fetch(base + '/301', { redirect: 'manual' }); return [r.status, r.headers.get('location')]", json!([301, "/echo"])),
        ("return caught(() => fetch(base + '/301', { redirect: 'error' }))", json!("TypeError")),
        ("return fetch(base + '/loop').catch(e => e.message.endsWith('more than 20 redirects'))", json!(true)),
        ("return fetch(base + '/to-file').catch(e => [e.name, e.message.includes('only http and https')])", json!(["TypeError", true])),
        ("return fetch(base + '/to-metadata').catch(e => [e.name, e.message.includes('link-local')])", json!(["TypeError", true])),
        ("return caught(() => fetch('http://127.0.0.1:1/'))", json!("TypeError")),
        ("return caught(() => fetch('nope'))", json!("TypeError")),
        ("const c = new AbortController(); setTimeout(() => c.abort(), 5); return caught(() => fetch(base + '/hang', { signal: c.signal }))", json!("AbortError")),
        ("return caught(() => fetch(base + '/hang', { signal: AbortSignal.timeout(5) }))", json!("TimeoutError")),
        ("return caught(() => fetch(base + '/text', { signal: AbortSignal.abort() }))", json!("AbortError")),
        ("const rs = await Promise.all(Array.from({ length: 20 }, (_, n) => fetch(base + '/echo?' + n).then(r => r.json()))); return rs.every((e, n) => e.path === '/echo?' + n)", json!(true)),
    ])
    .await;
}

#[tokio::test]
async fn bodies_come_chunk_by_chunk_and_can_be_left() {
    let site = site().await;
    let stream = Stream::new();
    let code = format!(
        "export default {{ initialState: 0, async afterAppend({{ append, event }}) {{
            const r = await fetch('{}/slow', {{ signal: event.payload.signal ? AbortSignal.timeout(50) : null }});
            if (event.payload.reader) {{
                const reader = r.body.getReader();
                const first = await reader.read();
                await append({{ type: 'chunk', payload: {{ text: new TextDecoder().decode(first.value) }} }});
                return reader.cancel();
            }}
            try {{
                for await (const text of r.body.pipeThrough(new TextDecoderStream())) await append({{ type: 'chunk', payload: {{ text }} }});
            }} catch (e) {{ await append({{ type: 'error', payload: {{ text: e.name }} }}); }}
        }} }}",
        site.base
    );
    let mut worker = Worker::new(config(&code, &stream));
    let texts = |from: usize| {
        let all = stream.appended();
        all[from..]
            .iter()
            .map(|e| e["payload"]["text"].clone())
            .collect::<Vec<_>>()
    };
    // The second chunk is sent only once the first was appended.
    let offset = stream.push(json!({}));
    let event = stream.event(offset);
    let (outcome, ()) = tokio::join!(worker.deliver(offset, &event), async {
        while stream.appended().is_empty() {
            tokio::task::yield_now().await;
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        assert_eq!(texts(0), ["chunk0;"]);
        site.go.notify_one();
    });
    assert_eq!(outcome, Ok(Outcome::Done));
    assert_eq!(texts(0).concat_text(), "chunk0;chunk1;chunk2;");
    let before = stream.appended().len();
    // Left by cancelling, and by a signal while it waits: the server's side is let go both times.
    for payload in [json!({ "reader": true }), json!({ "signal": true })] {
        let gone = site.dropped.load(Ordering::SeqCst);
        assert_eq!(deliver(&mut worker, &stream, payload).await, Outcome::Done);
        while site.dropped.load(Ordering::SeqCst) == gone {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    }
    assert_eq!(texts(before), ["chunk0;", "chunk0;", "TimeoutError"]);
    assert!(worker.rest().await, "nothing is left over");
}

trait Concat {
    fn concat_text(&self) -> String;
}

impl Concat for Vec<Value> {
    fn concat_text(&self) -> String {
        self.iter().filter_map(Value::as_str).collect()
    }
}

#[tokio::test]
async fn secrets_go_out_in_headers_and_nowhere_else() {
    let (site, other) = (site().await, site().await);
    let stream = Stream::new();
    stream.secret("key", "s3cret");
    let before = format!(
        "const base = {:?}; const auth = {{ Authorization: 'Bearer getIterateSecret({{secretKey: \"key\"}})' }};",
        site.base
    );
    check_on(&stream, &before, &[
        ("const e = await (await fetch(base + '/echo', { headers: auth })).json(); return e.headers.authorization", json!("Bearer s3cret")),
        ("const h = new Headers(auth); const e = await (await fetch(base + '/301', { headers: h })).json(); return [e.headers.authorization, h.get('authorization').includes('getIterateSecret')]", json!(["Bearer s3cret", true])),
        ("const e = await (await fetch(base + '/echo', { method: 'POST', body: auth.Authorization, headers: { 'x-enc': encodeURIComponent(auth.Authorization) } })).json(); return [e.body === auth.Authorization, e.headers['x-enc']]", json!([true, "Bearer%20s3cret"])),
        ("return fetch(base + '/echo', { headers: { a: \"getIterateSecret({secretKey: 'nope'})\" } }).catch(e => [e.name, e.message.includes('\"nope\"')])", json!(["TypeError", true])),
    ])
    .await;
    drop(other);
}

#[tokio::test]
async fn a_gateway_sets_its_header_and_egress_is_kept() {
    let site = site().await;
    let stream = Stream::new();
    let code = format!(
        "export default {{ initialState: 0, async afterAppend({{ append }}) {{
            try {{ const e = await (await fetch('{}/echo')).json(); await append({{ type: 'x', payload: {{ header: e.headers['x-gate'] }} }}); }}
            catch (e) {{ await append({{ type: 'x', payload: {{ error: e.message }} }}); }}
        }} }}",
        site.base
    );
    let mut with_gateway = config(&code, &stream);
    with_gateway.gateway = Some(Gateway {
        name: "X-Gate".into(),
        value: "open".into(),
    });
    let mut worker = Worker::new(with_gateway);
    assert_eq!(
        deliver(&mut worker, &stream, json!({})).await,
        Outcome::Done
    );
    for egress in ["none", "example.com", "*.test,127.0.0.1:1"] {
        let mut guarded = config(&code, &stream);
        guarded.fetcher = Arc::new(Fetcher::new(egress.parse().unwrap()).unwrap());
        let mut worker = Worker::new(guarded);
        assert_eq!(
            deliver(&mut worker, &stream, json!({})).await,
            Outcome::Done
        );
    }
    let appended = stream.appended();
    assert_eq!(appended[0]["payload"], json!({ "header": "open" }));
    for refused in &appended[1..] {
        let error = refused["payload"]["error"].as_str().unwrap();
        assert!(error.contains("this server forbids it"), "{error}");
    }
}
