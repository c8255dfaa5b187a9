//! A way to a server that can be cut, closed and silenced.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Everything is passed on.
const OPEN: u8 = 0;
/// Connections stand and nothing passes.
const SILENT: u8 = 1;
/// Nobody is let in.
const CLOSED: u8 = 2;

/// Passes on what comes to a port of its own.
pub struct Proxy {
    pub port: u16,
    state: Arc<State>,
}

struct State {
    mode: AtomicU8,
    open: Mutex<Vec<TcpStream>>,
}

impl Proxy {
    /// A way to a port of this machine.
    pub fn to(port: u16) -> Proxy {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let state = Arc::new(State { mode: AtomicU8::new(OPEN), open: Mutex::default() });
        let proxy = Proxy { port: listener.local_addr().unwrap().port(), state: state.clone() };
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if state.mode.load(Ordering::SeqCst) != CLOSED {
                    // A server that is gone: the stream is dropped, and whoever asked is told.
                    let _ = connect(&state, &stream, port);
                }
            }
        });
        proxy
    }

    /// Ends every connection; new ones are let in.
    pub fn cut(&self) {
        for stream in self.state.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Ends every connection and lets nobody in.
    pub fn close(&self) {
        self.state.mode.store(CLOSED, Ordering::SeqCst);
        self.cut();
    }

    /// Lets nothing pass, without a word to anybody.
    pub fn silence(&self) {
        self.state.mode.store(SILENT, Ordering::SeqCst);
    }

    /// As in the beginning.
    pub fn open(&self) {
        self.state.mode.store(OPEN, Ordering::SeqCst);
    }
}

fn connect(state: &Arc<State>, stream: &TcpStream, port: u16) -> std::io::Result<()> {
    let server = TcpStream::connect(("127.0.0.1", port))?;
    for (from, to) in [(stream, &server), (&server, stream)] {
        let (from, to, state) = (from.try_clone()?, to.try_clone()?, state.clone());
        state.open.lock().unwrap().push(from.try_clone()?);
        std::thread::spawn(move || pass(&state, from, to));
    }
    Ok(())
}

fn pass(state: &State, mut from: TcpStream, mut to: TcpStream) {
    let mut buffer = [0; 16 << 10];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        while state.mode.load(Ordering::SeqCst) == SILENT {
            std::thread::sleep(Duration::from_millis(10));
        }
        if to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
