import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** A voice note of test/voices. */
export function voice(name: string): Buffer {
  return readFileSync(join(import.meta.dirname, '../voices', name))
}

/** An Ogg Opus stream of silence (RFC 7845): a packet of 60 ms takes `packetBytes`, and the last page ends the stream. */
export function opusSilence(seconds: number, packetBytes: number): Buffer {
  const head = Buffer.from('4f707573486561640101380180bb0000000000', 'hex')
  const tags = Buffer.from('OpusTags\0\0\0\0\0\0\0\0')
  const pages = [page(2, 0n, 0, [head]), page(0, 0n, 1, [tags])]
  const packet = Buffer.alloc(packetBytes)
  packet[0] = 0b01011000
  const packets = Math.ceil(seconds / 0.06)
  for (let done = 0; done < packets; ) {
    const here = Math.min(250, packets - done)
    done += here
    const samples = BigInt(done * 2_880)
    pages.push(page(done === packets ? 4 : 0, samples, pages.length, Array<Buffer>(here).fill(packet)))
  }
  return Buffer.concat(pages)
}

function page(flags: number, granule: bigint, sequence: number, packets: Buffer[]): Buffer {
  const header = Buffer.alloc(27)
  header.write('OggS')
  header[5] = flags
  header.writeBigInt64LE(granule, 6)
  header.writeUInt32LE(1, 14)
  header.writeUInt32LE(sequence, 18)
  header[26] = packets.length
  return Buffer.concat([header, Buffer.from(packets.map(({ length }) => length)), ...packets])
}

/** A second of silence as 16-bit PCM in a WAV file. */
export function wavSecond(): Buffer {
  const rate = 16_000
  const file = Buffer.alloc(44 + rate * 2)
  file.write('RIFF')
  file.writeUInt32LE(file.length - 8, 4)
  file.write('WAVEfmt ', 8)
  file.writeUInt32LE(16, 16)
  file.writeUInt16LE(1, 20)
  file.writeUInt16LE(1, 22)
  file.writeUInt32LE(rate, 24)
  file.writeUInt32LE(rate * 2, 28)
  file.writeUInt16LE(2, 32)
  file.writeUInt16LE(16, 34)
  file.write('data', 36)
  file.writeUInt32LE(rate * 2, 40)
  return file
}

/** A hundred frames of MPEG-1 layer III at 44.1 kHz and 128 kbit/s: 2.6 seconds. */
export function mp3Frames(): Buffer {
  const frame = Buffer.alloc(417)
  frame.set([0xff, 0xfb, 0x90, 0x64])
  return Buffer.concat(Array<Buffer>(100).fill(frame))
}

/** A second of AMR as an MMS phone records it. */
export function amrSecond(): Buffer {
  const frame = Buffer.alloc(32)
  frame[0] = 0x3c
  return Buffer.concat([Buffer.from('#!AMR\n'), ...Array<Buffer>(50).fill(frame)])
}
