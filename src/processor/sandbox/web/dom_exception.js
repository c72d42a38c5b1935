// DOMException: an error told apart by its name.
(() => {
  const CODES = {
    IndexSizeError: 1,
    HierarchyRequestError: 3,
    WrongDocumentError: 4,
    InvalidCharacterError: 5,
    NotFoundError: 8,
    NotSupportedError: 9,
    InvalidStateError: 11,
    SyntaxError: 12,
    InvalidModificationError: 13,
    NamespaceError: 14,
    InvalidAccessError: 15,
    TypeMismatchError: 17,
    SecurityError: 18,
    NetworkError: 19,
    AbortError: 20,
    URLMismatchError: 21,
    QuotaExceededError: 22,
    TimeoutError: 23,
    InvalidNodeTypeError: 24,
    DataCloneError: 25,
  };
  class DOMException extends Error {
    #name;
    constructor(message = "", name = "Error") {
      super(`${message}`);
      this.#name = `${name}`;
    }
    get name() {
      return this.#name;
    }
    get code() {
      return CODES[this.#name] ?? 0;
    }
    get [Symbol.toStringTag]() {
      return "DOMException";
    }
  }
  // ABORT_ERR and the like, as the standard spells them.
  for (const [name, code] of Object.entries(CODES)) {
    const words = name.replace(/Error$/, "").replace(/[a-z](?=[A-Z])|[A-Z](?=[A-Z][a-z])/g, "$&_");
    const constant = { value: code, enumerable: true };
    Object.defineProperty(DOMException, `${words.toUpperCase()}_ERR`, constant);
    Object.defineProperty(DOMException.prototype, `${words.toUpperCase()}_ERR`, constant);
  }
  return { DOMException };
});
