//! Good addresses, and bad ones with what is said of them.

use super::bucket::PREFIX_MAX;
use super::*;

#[test]
fn good_addresses_are_shown_without_options() {
    for (text, shown) in [
        ("memory:", "memory:"),
        ("file:store", "file:store"),
        ("file:/srv/pclr/store", "file:/srv/pclr/store"),
        ("file:///srv/pclr", "file:/srv/pclr"),
        ("file:with @ and ?", "file:with @ and ?"),
        ("s3://bucket", "s3://bucket"),
        ("s3://bucket/", "s3://bucket"),
        ("s3://my.bucket-1/a/b_c/", "s3://my.bucket-1/a/b_c"),
        ("s3://bucket/p?endpoint=http://127.0.0.1:9000&region=eu-central-1", "s3://bucket/p"),
        ("s3://bucket?endpoint=https%3A%2F%2Fminio.internal&path-style=false&anonymous=true", "s3://bucket"),
        ("s3://bucket?kms-key=arn:aws:kms:eu-west-1:1234:key/ab-cd", "s3://bucket"),
        ("gs://bucket/registry?anonymous=true&endpoint=http://localhost:1", "gs://bucket/registry"),
        ("az://container/p?account=mystorage&emulator=false", "az://container/p"),
    ] {
        let address: StoreAddress = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(address.to_string(), shown);
    }
}

#[test]
fn options_are_read() {
    let address: StoreAddress =
        "s3://bucket/a/b?endpoint=http%3A%2F%2F127.0.0.1:9000&path-style=false".parse().unwrap();
    let bucket = address.bucket().unwrap();
    assert_eq!((bucket.name(), bucket.prefix()), ("bucket", "a/b"));
    assert_eq!(bucket.choice(Choice::Endpoint), Some("http://127.0.0.1:9000"));
    assert_eq!(bucket.is_chosen(Choice::PathStyle), Some(false));
    assert_eq!(bucket.is_chosen(Choice::Anonymous), None);
    assert!("file:x".parse::<StoreAddress>().unwrap().bucket().is_none());
}

#[test]
fn bad_addresses_are_refused_with_a_hint_and_without_a_secret() {
    for (text, said) in [
        ("", "\"\" is not a store"),
        ("/srv/store", "\"/srv/store\" is not a store"),
        ("ftp://host/x", "\"ftp://host/x\" is not a store"),
        ("https://ann:sesame@host/x", "\"https:…\" is not a store"),
        ("https://host/x?sig=sesame", "\"https:…\" is not a store"),
        ("sesame=", "\"…\" is not a store"),
        ("S3://bucket", "is not a store"),
        ("s3:bucket", "is not a store"),
        ("s3:///prefix", "the name of a bucket"),
        ("s3://", "the name of a bucket"),
        ("s3://ab", "the name of a bucket"),
        ("s3://Bucket", "the name of a bucket"),
        ("s3://bucket:9000/x", "the name of a bucket"),
        ("s3://b%20cket", "the name of a bucket"),
        ("az://-container", "the name of a container"),
        ("s3://key:sesame@bucket/x", "holds a user or a password"),
        ("s3://key:ses/sesame@bucket/x", "holds a user or a password"),
        ("s3://sesame@bucket", "holds a user or a password"),
        ("az://container@account.blob.core.windows.net/x", "holds a user or a password"),
        ("s3://bucket//x", "a part of it is empty"),
        ("s3://bucket/x//y", "a part of it is empty"),
        ("s3://bucket//", "a part of it is empty"),
        ("s3://bucket/x/../y", "a part of it is . or .."),
        ("s3://bucket/x y", "a sign that not every tool takes"),
        ("s3://bucket/x#y", "it holds a #"),
        ("s3://bucket?endpont=http://x", "s3:// has no option endpont"),
        ("s3://bucket?emulator=true", "s3:// has no option emulator"),
        ("gs://bucket?region=eu", "gs:// has no option region"),
        ("s3://bucket?access_key_id=sesame", "access_key_id has no place"),
        ("s3://bucket?AWS_SECRET_ACCESS_KEY=sesame", "AWS_SECRET_ACCESS_KEY has no place"),
        ("gs://bucket?token=sesame", "token has no place"),
        ("az://container?sig=sesame", "sig has no place"),
        ("s3://bucket?region=eu&sesame/+1=2", "s3:// has no option of that name"),
        ("s3://bucket?region=eu&region=us", "region of the store is there twice"),
        ("s3://bucket?region=", "it is no name of a region"),
        ("s3://bucket?path-style=yes", "neither true nor false"),
        ("s3://bucket?endpoint=minio:9000", "does not begin with http://"),
        ("s3://bucket?endpoint=9000", "no address of a server"),
        ("s3://bucket?endpoint=http://ann:sesame@minio", "it holds a user or a password"),
        ("az://container?account=my.storage", "no name of an account"),
        ("file:", "names no folder"),
        ("file://host/x", "names a host"),
        ("memory:x", "nothing follows memory:"),
    ] {
        let error = text.parse::<StoreAddress>().err().unwrap_or_else(|| panic!("{text} was taken"));
        let error = error.to_string();
        assert!(error.contains(said) && error.contains("\nhint: "), "{text}: {error}");
        assert!(!error.contains("sesame"), "{text}: {error}");
    }
    let long = format!("s3://bucket/{}", "x".repeat(PREFIX_MAX + 1));
    assert!(long.parse::<StoreAddress>().unwrap_err().to_string().contains("longer than 512"));
}
