//! zstd, for what is stored in one piece.

/// Compresses.
pub(crate) fn compress(plain: &[u8], level: i32) -> Vec<u8> {
    zstd::bulk::compress(plain, level)
        .expect("the output buffer is made large enough for any input")
}

/// Decompresses one piece after the other.
pub(crate) struct Unpacker(zstd::bulk::Decompressor<'static>);

impl Unpacker {
    pub(crate) fn new() -> Self {
        Self(zstd::bulk::Decompressor::new().expect("memory for a decompressor"))
    }

    /// Decompresses a piece of at most `most` bytes.
    ///
    /// # Errors
    /// With words about what is wrong with it.
    pub(crate) fn unpack(&mut self, packed: &[u8], most: usize) -> Result<Vec<u8>, String> {
        // It stands in each frame; so no more memory is taken than is needed.
        let size = zstd::zstd_safe::get_frame_content_size(packed)
            .map_err(|_| "it is not compressed".to_owned())?;
        let size = size.and_then(|size| usize::try_from(size).ok());
        let size = size.filter(|size| *size <= most).ok_or("it is too long")?;
        self.0
            .decompress(packed, size)
            .map_err(|error| error.to_string())
    }
}
