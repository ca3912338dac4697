import { inspect } from 'node:util'

/**
 * A value that is not to be seen: it refuses to be printed, turned into text or JSON, spread, compared by its fields or cloned, each
 * with a TypeError that says nothing of it. Only `reveal` gives it away.
 */
export class Secret<T> {
  readonly #value: T

  constructor(value: T) {
    this.#value = value
    // Whatever walks over the fields of an object (spread, Object.entries, structuredClone, v8.serialize) reads this one and throws.
    Object.defineProperty(this, 'secret', { enumerable: true, get: refuse })
    Object.freeze(this)
  }

  /** The value itself. To be called where it is used, and kept nowhere. */
  reveal(): T {
    return this.#value
  }

  toJSON(): never {
    return refuse()
  }

  toString(): never {
    return refuse()
  }

  valueOf(): never {
    return refuse()
  }

  [Symbol.toPrimitive](): never {
    return refuse()
  }

  [inspect.custom](): never {
    return refuse()
  }
}

function refuse(): never {
  throw new TypeError('a secret is not to be shown, serialised or copied')
}
