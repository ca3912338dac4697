import { Collection } from 'mongodb'

/** Calls `before` each time this process is about to write a block of the audit, and `after` when it has and its records are not marked yet. */
export function watchSeals(on: { before: () => void; after: () => void }): void {
  const original = Collection.prototype.insertOne
  Collection.prototype.insertOne = new Proxy(original, {
    async apply(target, collection: Collection, args) {
      const isBlock = collection.collectionName === 'audit_blocks'
      if (isBlock) on.before()
      const done = await Reflect.apply(target, collection, args)
      if (isBlock) on.after()
      return done
    }
  })
}
