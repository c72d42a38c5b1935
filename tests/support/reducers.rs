//! Reducers that do everything to their state that the contract must bear.
#![allow(dead_code)] // Each test binary uses its part.

/// Changes in place, shares, throws, keeps references: one operation per event.
pub const MUTATING: &str = r#"
let kept = null;
export default {
  initialState: { items: [], map: {}, log: [] },
  reduce({ event, state }) {
    const { op, k, v } = event.payload;
    // A reference kept from an earlier event: changing it changes no state.
    try { kept.spoiled = v; kept.items.push('spoiled'); } catch {}
    kept = op % 3 === 0 ? state : op % 3 === 1 ? event.payload : null;
    switch (op) {
      case 0: return { ...state, items: [...state.items, v] };
      case 1: state.items.push(v); return state;
      case 2: state.items.push(v); return;
      case 3: state.map[k] = v; throw new Error('after a change');
      case 4: state.map[k] = event.payload; return state;
      case 5: { const old = state.map[k]; if (old && typeof old === 'object') old.changed = v; return state; }
      case 6: state.first = state.items; state.second = state.items; return state;
      case 7: if (Array.isArray(state.first)) state.first.push(v); return state;
      case 8: return { ...state, when: new Date(v * 1000), gone: undefined, f() {}, nan: NaN, minus: -0, inf: 1 / 0 };
      case 9: state.items.sort((a, b) => String(a) < String(b) ? -1 : 1); return state;
      case 10: delete state.map[k]; return state;
      case 11: state.items.length = Math.min(state.items.length, 2); return state;
      case 12: return { ...state, big: 10n };
      case 13: state.self = state; return state;
      case 14: return { ...state, m: new Map([[1, 2]]), s: new Set([1]), boxed: [new Number(v), new String('s'), new Boolean(false)] };
      case 15: return { ...state, custom: { toJSON(key) { return { key, v }; } } };
      case 16: return () => 1;
      case 17: state.holes = [1, , undefined, () => 1, Symbol('s'), v]; return state;
      case 18: state.items = state.items.filter((x, i) => i % 2 === 0); return state;
      case 19: return { ...state, get computed() { return v; }, [Symbol('hidden')]: 1, 7: 'seven', 3: 'three', z: 1, a: 2 };
      case 20: event.payload.extra = state.items; state.map.event = event; return state;
      case 21: return Object.freeze({ ...state, frozen: Object.freeze([v]) });
      case 22: if (state.frozen) { state.frozen.push(v); } return state;
      case 23: return Object.assign(Object.create({ inherited: 1 }), state, { class: new (class A { x = v; #y = 1; }) });
      case 24: return { ...state, ['__proto__']: v, text: 'line \u2028 "q" \\ \u0001 é 😀' };
      case 25: state.log.unshift({ k, v }); return state;
      case 26: { const all = [state.items, state.log]; state.nested = [all, all]; return state; }
      case 27: return v % 2 ? v : 'text ' + v;
      case 28: return { items: [], map: {}, log: [] };
      case 29: return new Proxy(state, {});
      case 30: return { ...state, items: new Proxy([v, 2], {}), err: new Error('x'), re: /x/g, typed: new Uint8Array([1, 2]) };
      case 31: if (typeof state !== 'object' || !state.items) return { items: [], map: {}, log: [] };
      default: return state;
    }
  },
};
"#;

/// The number of operations of [`MUTATING`].
pub const MUTATING_OPS: u8 = 33;

/// Changes nothing it did not make, but shares structure in every way, compares identities, and uses
/// the spread helper as rewritten code does.
pub const SHARING: &str = r#"
const IDLE = { kind: 'idle', parts: [1, 2] };
const spread = globalThis.__evtui_spread ?? ((...pairs) => {
  const out = [];
  for (let i = 0; i < pairs.length; i += 2) {
    if (pairs[i] === 0) out.push(pairs[i + 1]); else for (const x of pairs[i + 1]) out.push(x);
  }
  return out;
});
let last = null;
export default {
  initialState: { items: [], status: null, selected: null, same: 0 },
  reduce({ event, state }) {
    const { op, k, v } = event.payload;
    if (typeof state !== 'object' || state === null || !state.items) return { items: [], status: null, selected: null, same: 0 };
    const items = state.items;
    switch (op) {
      case 0: return { ...state, items: spread(1, items, 0, { k, v, deep: { list: [v] } }) };
      case 1: return { ...state, items: spread(0, { k, v }, 1, items) };
      case 2: return { ...state, status: IDLE };
      case 3: return { ...state, same: state.same + (state.status === IDLE ? 1 : 0) };
      case 4: return { ...state, selected: items[0] ?? null };
      case 5: return { ...state, same: state.same + (items.includes(state.selected) ? 10 : 0) };
      case 6: return { ...state, items: items.filter((x, i) => i !== v) };
      case 7: return { ...state, items: items.map((x, i) => i === v ? { ...x, touched: v } : x) };
      case 8: return { ...state, items: items.slice(1) };
      case 9: return { ...state, items: spread(1, items, 1, items) };
      case 10: return { ...state, copy: items, again: items };
      case 11: return { ...state, same: state.same + (state.copy !== undefined && state.copy === state.again ? 100 : 0) };
      case 12: return { ...state, items: [...items].reverse() };
      case 13: return { ...state, event };
      case 14: return { ...state, list: spread(0, v, 0, -0, 0, undefined, 0, NaN, 0, IDLE) };
      case 15: return state;
      case 16: return;
      case 17: throw new Error('no');
      case 18: { const made = spread(1, items, 0, v); return { ...state, items: made, twice: [made, made], alias: made }; }
      case 19: return { ...state, same: state.same + (state.twice && state.twice[0] === state.alias ? 1000 : 0) };
      case 20: return { wrapped: state, items };
      case 21: return state.wrapped ?? state;
      case 22: return { ...state, items: spread(0, items[0] ?? 0, 1, items, 0, items[0] ?? 0) };
      case 23: return { ...state, when: new Date(v), none: undefined, items: Object.freeze(spread(1, items, 0, { v })) };
      case 24: return { ...state, frozen: Object.isFrozen(items) || !Object.isExtensible(items) };
      case 25: return { ...state, items: items.concat([[items]]) };
      case 26: return { ...state, nested: { a: { b: spread(1, state.nested?.a?.b ?? [], 0, { v }) }, z: state.nested } };
      case 27: return { ...state, items: items.toSpliced(0, 1, { v }, { v }) };
      case 28: return { ...state, numbers: spread(1, state.numbers ?? [], 0, v + 0.5), ints: spread(1, state.ints ?? [], 0, v) };
      case 29: return v;
      case 30: return { ...state, items: [] };
      default: return { ...state, [k]: { v, at: event.offset } };
    }
  },
};
"#;

/// The number of operations of [`SHARING`].
pub const SHARING_OPS: u8 = 32;

/// Keeps things outside its state, in every way there is: its states are those of a fold from the
/// first event in one context.
pub const REMEMBERING: &str = r#"
let calls = 0;
let last = null;
const seen = new Map();
const START = { list: [] };
const WORD = /k\d/g;
function* ids() { let n = 0; while (true) yield n++; }
const id = ids();
export default {
  initialState: { list: [] },
  count: 0,
  reduce({ event, state }) {
    const { op, k, v } = event.payload;
    const was = last;
    last = k;
    switch (op) {
      case 0: return { ...state, calls: ++calls };
      case 1: return { ...state, was };
      case 2: seen.set(k, (seen.get(k) ?? 0) + 1); return { ...state, seen: [...seen] };
      case 3: { const next = { ...START }; next.list.push(v); return { list: [...next.list] }; }
      case 4: this.count += v; return { ...state, count: this.count };
      case 5: return { ...state, id: id.next().value };
      case 6: return { ...state, is: WORD.test(k) };
      case 7: calls += 10; throw new Error('remembered all the same');
      default: return state;
    }
  },
};
"#;

/// The number of operations of [`REMEMBERING`].
pub const REMEMBERING_OPS: u8 = 9;
