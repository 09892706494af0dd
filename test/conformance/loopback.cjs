// Preloaded into the suite, this keeps the servers of its client scenarios on this machine: by itself it listens on
// every interface. It asks for their port at once, which a public way to name an address does not allow.
const { Server } = require('node:net')

const { listen } = Server.prototype
Server.prototype.listen = function (port, ...rest) {
  const [ready] = rest
  if (typeof port !== 'number' || (ready !== undefined && typeof ready !== 'function')) {
    return listen.call(this, port, ...rest)
  }
  if (ready !== undefined) this.once('listening', ready)
  this['_listen2']('127.0.0.1', port, 4, 511)
  return this
}
