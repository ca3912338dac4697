import { Collection } from 'mongodb'

/** Calls `taken` each time this process has taken a lane and not yet stamped the message at its head: between two writes of the store's own. */
export function watchClaims(taken: () => void): void {
  const original = Collection.prototype.findOneAndUpdate
  Collection.prototype.findOneAndUpdate = new Proxy(original, {
    async apply(target, collection: Collection, args) {
      const found = await Reflect.apply(target, collection, args)
      if (collection.collectionName === 'lanes' && found !== null) taken()
      return found
    }
  })
}
