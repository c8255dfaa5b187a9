//! The verbs against a real file.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::store::{Pushed, Receipt, Store};
use crate::queue::{Claimed, Job, QueueError};
use crate::sqlite::Fault;

const LONG: Duration = Duration::from_secs(60);
const NOW: Duration = Duration::ZERO;

/// A folder beside the test program that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let program = std::env::current_exe().unwrap();
        let name = format!("queue-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = program.parent().unwrap().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join("queue.db")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn job(store: &mut Store, lease: Duration) -> Job<Receipt> {
    match store.claim(lease).unwrap() {
        Claimed::Job(job) => job,
        other => panic!("no job: {other:?}"),
    }
}

fn is_empty(store: &mut Store) -> bool {
    matches!(store.claim(LONG).unwrap(), Claimed::Empty)
}

#[test]
fn first_in_first_out_and_gone_after_the_ack() {
    let folder = Folder::new();
    let mut store = Store::open(&folder.file()).unwrap();
    assert!(is_empty(&mut store));
    store.push(b"a", None).unwrap();
    store.push(b"b", None).unwrap();
    let (a, b) = (job(&mut store, LONG), job(&mut store, LONG));
    assert_eq!((a.body.as_slice(), b.body.as_slice(), a.attempt), (&b"a"[..], &b"b"[..], 1));
    assert!(matches!(store.claim(LONG).unwrap(), Claimed::Later(wait) if wait <= LONG && wait > LONG / 2));
    store.ack(a.receipt).unwrap();
    store.ack(b.receipt).unwrap();
    assert!(is_empty(&mut store));
    assert!(matches!(store.ack(a.receipt), Err(QueueError::Lost(_))), "twice is once");
}

#[test]
fn a_lease_that_ran_out_belongs_to_the_next() {
    let folder = Folder::new();
    let (mut one, mut two) = (Store::open(&folder.file()).unwrap(), Store::open(&folder.file()).unwrap());
    one.push(b"a", None).unwrap();
    let first = job(&mut one, NOW);
    let second = job(&mut two, LONG);
    assert_eq!(second.attempt, 2);
    for lost in [
        one.extend(first.receipt, LONG),
        one.ack(first.receipt),
        one.give_back(first.receipt, NOW, None),
        one.bury(first.receipt, "late"),
    ] {
        assert!(matches!(lost, Err(QueueError::Lost(_))));
    }
    two.extend(second.receipt, LONG).unwrap();
    two.ack(second.receipt).unwrap();
    assert!(is_empty(&mut one));
}

#[test]
fn a_lease_that_ran_out_unnoticed_can_still_be_kept() {
    let folder = Folder::new();
    let mut store = Store::open(&folder.file()).unwrap();
    store.push(b"a", None).unwrap();
    let held = job(&mut store, NOW);
    store.extend(held.receipt, LONG).unwrap();
    assert!(matches!(store.claim(LONG).unwrap(), Claimed::Later(_)));
    store.ack(held.receipt).unwrap();
}

#[test]
fn trouble_counts_as_an_attempt_and_a_return_does_not() {
    let folder = Folder::new();
    let mut store = Store::open(&folder.file()).unwrap();
    store.push(b"a", None).unwrap();
    let held = job(&mut store, LONG);
    store.give_back(held.receipt, NOW, Some("disk full")).unwrap();
    let held = job(&mut store, LONG);
    assert_eq!((held.attempt, held.trouble.as_deref()), (2, Some("disk full")));
    store.give_back(held.receipt, NOW, None).unwrap();
    let held = job(&mut store, LONG);
    assert_eq!((held.attempt, held.trouble.as_deref()), (2, Some("disk full")));
    store.give_back(held.receipt, LONG, Some("again")).unwrap();
    assert!(matches!(store.claim(LONG).unwrap(), Claimed::Later(wait) if wait > LONG / 2));
    assert_eq!(store.list(false).unwrap()[0].state.name(), "delayed");
}

#[test]
fn dead_letters_keep_their_reason_until_somebody_looks() {
    let folder = Folder::new();
    let mut store = Store::open(&folder.file()).unwrap();
    store.push(b"a", Some("k")).unwrap();
    store.push(b"b", None).unwrap();
    let held = job(&mut store, LONG);
    store.bury(held.receipt, "not JSON").unwrap();
    let dead = store.list(true).unwrap();
    assert_eq!((dead.len(), dead[0].reason.as_deref(), dead[0].attempts), (1, Some("not JSON"), 1));
    assert_eq!(store.list(false).unwrap().len(), 2);
    let (entry, body) = store.show(dead[0].id).unwrap();
    assert_eq!((entry, body), (dead[0].clone(), b"a".to_vec()));

    store.requeue(&[dead[0].id]).unwrap();
    let (one, two) = (job(&mut store, LONG), job(&mut store, LONG));
    let again = if one.body == b"a" { one } else { two };
    assert_eq!((again.body.as_slice(), again.attempt), (&b"a"[..], 1));
    store.bury(again.receipt, "still not JSON").unwrap();
    store.drop_messages(&[dead[0].id]).unwrap();
    assert!(store.list(true).unwrap().is_empty());
}

#[test]
fn operators_do_not_touch_what_is_held_or_missing() {
    let folder = Folder::new();
    let mut store = Store::open(&folder.file()).unwrap();
    store.push(b"a", None).unwrap();
    store.push(b"b", None).unwrap();
    let held = job(&mut store, LONG).receipt.message;
    let free = store.list(false).unwrap().iter().find(|e| e.id != held).unwrap().id;
    assert!(matches!(store.drop_messages(&[free, held]), Err(QueueError::Held { .. })));
    assert!(matches!(store.requeue(&[free, 99]), Err(QueueError::NoSuchMessage(_))));
    assert!(matches!(store.show(99), Err(QueueError::NoSuchMessage(_))));
    assert_eq!(store.list(false).unwrap().len(), 2, "all or nothing");
}

#[test]
fn a_key_is_in_the_queue_once() {
    let folder = Folder::new();
    let mut store = Store::open(&folder.file()).unwrap();
    let Pushed::New(id) = store.push(b"a", Some("k")).unwrap() else { panic!("not new") };
    assert_eq!(store.push(b"a", Some("k")).unwrap(), Pushed::Already(id));
    let held = job(&mut store, LONG);
    assert_eq!(store.push(b"a", Some("k")).unwrap(), Pushed::Already(id), "also while it is worked on");
    store.bury(held.receipt, "no snapshot").unwrap();
    assert_eq!(store.push(b"a", Some("k")).unwrap(), Pushed::Revived(id));
    let held = job(&mut store, LONG);
    assert_eq!(held.attempt, 1);
    store.ack(held.receipt).unwrap();
    assert!(matches!(store.push(b"a", Some("k")).unwrap(), Pushed::New(_)), "what is done may be asked for again");
}

#[test]
fn many_hands_take_each_message_once() {
    let folder = Folder::new();
    let path = folder.file();
    let mut store = Store::open(&path).unwrap();
    for i in 0..200 {
        store.push(format!("{i}").as_bytes(), None).unwrap();
    }
    let take_all = |path: &Path| {
        let mut store = Store::open(path).unwrap();
        let mut taken = Vec::new();
        while let Claimed::Job(job) = store.claim(LONG).unwrap() {
            store.ack(job.receipt).unwrap();
            taken.push(String::from_utf8(job.body).unwrap().parse::<u32>().unwrap());
        }
        taken
    };
    let mut taken: Vec<u32> = std::thread::scope(|scope| {
        let hands: Vec<_> = (0..4).map(|_| scope.spawn(|| take_all(&path))).collect();
        hands.into_iter().flat_map(|hand| hand.join().unwrap()).collect()
    });
    taken.sort_unstable();
    assert_eq!(taken, (0..200).collect::<Vec<_>>());
}

#[test]
fn several_processes_may_make_the_queue_at_once() {
    let folder = Folder::new();
    let path = folder.file();
    std::thread::scope(|scope| {
        let hands: Vec<_> =
            (0..8).map(|_| scope.spawn(|| Store::open(&path).unwrap().push(b"a", None).unwrap())).collect();
        hands.into_iter().for_each(|hand| assert!(matches!(hand.join().unwrap(), Pushed::New(_))));
    });
    assert_eq!(Store::open(&path).unwrap().list(false).unwrap().len(), 8);
}

fn check_refused(prepare: impl FnOnce(&Path), expected: &str) {
    let folder = Folder::new();
    prepare(&folder.file());
    let before = std::fs::read(folder.file()).ok();
    let error = Store::open(&folder.file()).err().map(|e| e.to_string()).unwrap_or_default();
    assert!(error.contains(expected), "{error:?} does not say {expected:?}");
    assert_eq!(std::fs::read(folder.file()).ok(), before, "the file is left as it was");
}

#[test]
fn other_files_are_refused_and_left_alone() {
    let sql =
        |text: &'static str| move |path: &Path| rusqlite::Connection::open(path).unwrap().execute_batch(text).unwrap();
    check_refused(
        |path| std::fs::write(path, "this is a diary, not a database, and long enough to tell").unwrap(),
        "is not a poolproof queue file",
    );
    check_refused(|path| std::fs::create_dir(path).unwrap(), "is not a poolproof queue file");
    check_refused(sql("CREATE TABLE diary (day TEXT)"), "is not a poolproof queue file");
    check_refused(
        sql("PRAGMA application_id = 0x706f6f6c; PRAGMA user_version = 9; CREATE TABLE t (x)"),
        "written by a newer poolproof",
    );
}

#[test]
fn a_missing_queue_is_made_only_where_wanted() {
    let folder = Folder::new();
    let fault = |opened: Result<Store, QueueError>| match opened {
        Err(QueueError::File(error)) => Some(error.fault),
        _ => None,
    };
    assert!(matches!(fault(Store::open_existing(&folder.file())), Some(Fault::Missing)));
    assert!(matches!(fault(Store::open(&folder.0.join("no/queue.db"))), Some(Fault::NoFolder)));
    assert!(!folder.file().exists());
    Store::open(&folder.file()).unwrap();
    Store::open_existing(&folder.file()).unwrap();
}

#[test]
fn a_message_has_a_largest_size() {
    let folder = Folder::new();
    let mut store = Store::open(&folder.file()).unwrap();
    let large = vec![b' '; usize::try_from(crate::queue::MAX_MESSAGE).unwrap() + 1];
    assert!(matches!(store.push(&large, None), Err(QueueError::TooLarge(_))));
    assert!(matches!(store.push(&large[1..], None), Ok(Pushed::New(_))));
}

#[test]
fn a_file_of_the_first_format_is_taken_over_with_its_messages() {
    let folder = Folder::new();
    let path = folder.0.join("queue.db");
    let old = rusqlite::Connection::open(&path).unwrap();
    old.execute_batch(
        "CREATE TABLE message (
             id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT UNIQUE, body BLOB NOT NULL, created INTEGER NOT NULL,
             due INTEGER NOT NULL, leased INTEGER NOT NULL DEFAULT 0, claims INTEGER NOT NULL DEFAULT 0,
             attempts INTEGER NOT NULL DEFAULT 0, dead INTEGER NOT NULL DEFAULT 0, trouble TEXT);
         CREATE INDEX message_due ON message (dead, due, id);
         INSERT INTO message (body, created, due) VALUES (CAST('old' AS BLOB), 1, 1);
         PRAGMA application_id = 0x706f6f6c;
         PRAGMA user_version = 1;",
    )
    .unwrap();
    drop(old);
    // Twice: the second finds it done.
    let mut stores = [Store::open(&path).unwrap(), Store::open(&path).unwrap()];
    let trace = crate::trace::TraceParent::parse("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    stores[1].push_traced(b"new", None, trace.as_ref()).unwrap();
    let mut claim = || match stores[0].claim(Duration::from_secs(60)).unwrap() {
        Claimed::Job(job) => (job.body, job.trace),
        other => panic!("{other:?}"),
    };
    assert_eq!((claim(), claim()), ((b"old".to_vec(), None), (b"new".to_vec(), trace)));
}
