import { inspect } from 'node:util'

/**
 * A value that is not to be seen: it refuses to be printed, turned into text or JSON, spread, compared by its fields or cloned, each
 * with a TypeError that says nothing of it. Only `reveal` gives it away.
 */
export class Secret<T> {
  #held: { readonly value: T } | null

  constructor(value: T) {
    this.#held = { value }
    // Whatever walks over the fields of an object (spread, Object.entries, structuredClone, v8.serialize) reads this one and throws.
    Object.defineProperty(this, 'secret', { enumerable: true, get: refuse })
    Object.freeze(this)
  }

  /** The value itself. To be called where it is used, and kept nowhere. Throws a TypeError once the call it was lent for is over. */
  reveal(): T {
    if (this.#held === null) throw new TypeError('a secret is not to be used after the call it was lent for')
    return this.#held.value
  }

  /** Lends the value for one use: what `use` is given holds nothing any more when that has ended. */
  async lend<R>(use: (lent: Secret<T>) => Promise<R>): Promise<R> {
    const lent = new Secret(this.reveal())
    try {
      return await use(lent)
    } finally {
      lent.#held = null
    }
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
