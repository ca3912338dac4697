import type { LookupAddress, LookupOptions } from 'node:dns'
import { BlockList, isIPv4, type LookupFunction } from 'node:net'
import { Failure } from '../frames/failure.ts'

/** The IPv4 blocks of the IANA special-purpose registry (RFC 6890), with multicast and class E: none of them is the public internet. */
const special: readonly (readonly [string, number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3]
]
/** Parts of 2000::/3 that lead elsewhere: Teredo and its kin, documentation, 6to4. */
const specialGlobal: readonly (readonly [string, number])[] = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20]
]

const closed = new BlockList()
for (const [net, bits] of special) closed.addSubnet(net, bits, 'ipv4')
for (const [net, bits] of specialGlobal) closed.addSubnet(net, bits, 'ipv6')
const global = new BlockList()
global.addSubnet('2000::', 3, 'ipv6')

/**
 * A `lookup` for undici's `connect` that only ever answers public addresses, so that no name, however it was rebound, leads into
 * a private network. Fails with AUDIO_HOST_REFUSED where one of the addresses is not public.
 */
export function publicLookup(lookup: LookupFunction): LookupFunction {
  return (hostname, options: LookupOptions, callback) => {
    lookup(hostname, { ...options, all: true }, (error, found) => {
      if (error) return callback(error, '')
      const addresses = found as LookupAddress[]
      const [first] = addresses
      if (first === undefined || !addresses.every(({ address }) => isPublic(address))) {
        return callback(new Failure('AUDIO_HOST_REFUSED', { cause: { code: 'ADDRESS_NOT_PUBLIC' } }), '')
      }
      if (options.all === true) return callback(null, addresses)
      callback(null, first.address, first.family)
    })
  }
}

/** Whether an IP address belongs to the public internet. */
export function isPublic(address: string): boolean {
  if (isIPv4(address)) return !closed.check(address, 'ipv4')
  return global.check(address, 'ipv6') && !closed.check(address, 'ipv6')
}
